//! A list of brokers, as an option or a setting has it.

/// `--brokers`: a list with nobody in it would be waited for, or taken for no list at all.
pub(crate) fn parse_brokers(text: &str) -> Result<String, String> {
    let brokers: Vec<_> = text.split(',').map(str::trim).filter(|broker| !broker.is_empty()).collect();
    if brokers.is_empty() {
        let wanted =
            "give host:port, several by commas (MILLRACE_BROKERS counts where --brokers is left out)";
        return Err(format!("no broker is named: {wanted}"));
    }
    for broker in &brokers {
        let port = broker.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.ends_with(']'));
        if port.is_some_and(|port| !port.parse::<u16>().is_ok_and(|port| port > 0)) {
            return Err(format!("{broker:?} is no host:port"));
        }
    }
    Ok(brokers.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_at_least_one_broker() {
        for nobody in ["", " ", ",", " , "] {
            assert!(parse_brokers(nobody).expect_err(nobody).contains("MILLRACE_BROKERS"));
        }
        for no_port in ["localhost:", "localhost:0", "localhost:kafka", "a:9092,b:70000"] {
            assert!(parse_brokers(no_port).expect_err(no_port).contains("host:port"));
        }
        let fine = [
            "localhost:9092",
            "localhost",
            "a:1,b:2",
            "[::1]:9092",
            "[::1]",
            "PLAINTEXT://a:9092",
            "embedded",
        ];
        for brokers in fine {
            assert_eq!(parse_brokers(brokers).as_deref(), Ok(brokers));
        }
        assert_eq!(parse_brokers(" a:1, b:2,").as_deref(), Ok("a:1,b:2"));
    }
}
