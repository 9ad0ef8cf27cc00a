use strict;
use warnings;
use IO::Socket::INET;

my $port = $ENV{PORT} || 8080;
my $socket = IO::Socket::INET->new(LocalAddr => '0.0.0.0', LocalPort => $port, Listen => 64, ReuseAddr => 1) or die "listen: $!";
$SIG{TERM} = sub { exit 0 };
while (my $client = $socket->accept) {
    while (my $line = <$client>) {
        last if $line =~ /^\s*$/;
    }
    my $body = "hello from a shell script\n";
    print $client "HTTP/1.1 200 OK\r\nContent-Length: " . length($body) . "\r\nConnection: close\r\n\r\n$body";
    close $client;
}
