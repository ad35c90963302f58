#!/usr/bin/perl
# The pwcheck daemon of Cyrus SASL 1.5 as its source describes it, for tests: nobody ships the real one any more. One client after
# the other, a queue of 5; the request is read until it ends in a NUL, and 1023 octets are too many; the reply has no line end and
# no NUL. Passwords are checked by crypt(3) against a file in the form of /etc/shadow, where the real one calls getspnam(3).
#
# pwcheck_daemon.pl SOCKET SHADOW [SECONDS]: with SECONDS every answer takes that long.
use strict;
use warnings;
use Socket;

use constant ROOM => 1023;

my ($path, $shadow, $seconds) = @ARGV;
$SIG{PIPE} = 'IGNORE';
$| = 1;

socket(my $server, PF_UNIX, SOCK_STREAM, 0) or die "socket: $!\n";
unlink $path;
umask 0;
bind($server, sockaddr_un($path)) or die "$path: $!\n";
listen($server, 5) or die "listen: $!\n";
print "listening\n";

while (1) {
  accept(my $client, $server) or next;
  my $reply = answer($client);
  select undef, undef, undef, $seconds if $seconds;
  syswrite $client, $reply;
  close $client;
}

sub answer {
  my ($client) = @_;
  my $request = '';
  while (length $request < ROOM) {
    my $count = sysread $client, $request, ROOM - length $request, length $request;
    return 'Error reading request' unless $count;
    last if substr($request, -1) eq "\0";
  }
  return 'Request too big' if length $request >= ROOM;
  # As C sees it: the name ends at the first NUL, the password at the next one or where nothing was written.
  my ($name, $password) = split /\0/, $request, -1;
  print "asked $name\n";
  return pwcheck($name, $password // '');
}

sub pwcheck {
  my ($name, $password) = @_;
  open my $file, '<', $shadow or return 'Userid not found';
  while (<$file>) {
    my ($user, $hash) = split /:/;
    next unless $user eq $name;
    return 'Account disabled' if $hash =~ /^\*/;
    return (crypt($password, $hash) // '') eq $hash ? 'OK' : 'Incorrect password';
  }
  return 'Userid not found';
}
