"""Starts LocalStack without Docker, on 127.0.0.1 only.

Its server takes the port of GATEWAY_LISTEN and leaves out the host where that is an IPv4 address, so that a whole network
could reach it. Twisted is told here which host is meant.
"""

from twisted.internet import endpoints

begin = endpoints.TCP4ServerEndpoint.__init__


def on_loopback(self, reactor, port, backlog=50, interface="127.0.0.1"):
    begin(self, reactor, port, backlog, interface or "127.0.0.1")


endpoints.TCP4ServerEndpoint.__init__ = on_loopback

from localstack.runtime.main import main  # noqa: E402  (after twisted was told)

main()
