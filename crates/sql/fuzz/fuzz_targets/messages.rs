//! Whatever a client of the SQL server sends is a message, an error, or the end: never a panic, and never more memory than has come.
#![no_main]

#[path = ""]
#[allow(dead_code, reason = "what is read is dropped")]
mod wire {
    #[path = "../../src/wire/message.rs"]
    pub mod message;

    pub mod problem {
        /// As the server's own, without what it is told to a client with.
        #[derive(Debug)]
        pub struct Problem;

        impl Problem {
            pub fn fatal(_: &'static str, _: impl Into<String>) -> Self {
                Self
            }

            pub fn malformed(_: &'static str) -> Self {
                Self
            }
        }
    }

    pub async fn read(bytes: &[u8]) {
        let mut incoming = message::Incoming::new(bytes);
        let Some(Ok(_)) = incoming.opening().await else { return };
        let mut logged_in = false;
        while let Some(Ok(message)) = incoming.next(logged_in).await {
            if let message::Message::Password(body) = message {
                let _ = message::sasl_begin(body);
                logged_in = true;
            }
        }
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    if let Ok(runtime) = runtime {
        runtime.block_on(wire::read(bytes));
    }
});
