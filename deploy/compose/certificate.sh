#!/bin/sh
# Makes a self-signed certificate for the name SITE in the directory $1, if none is there. One that was made here is made
# anew when SITE is another, or when it ends within two weeks; one that was put here is left alone.
set -eu
umask 077
cd "$1"
site="${SITE:?is not set: give it the name that people type}"
case $site in
*[!a-z0-9.-]*) name= ;;
*[a-z]*) name=$site ;;
*) name= ;;
esac
if [ -z "$name" ]; then
	echo "certificate: \"$site\" is no name in lower case like nightlatch.test; an IP address cannot be one" >&2
	exit 2
fi
if [ -f fullchain.pem ] && [ -f key.pem ]; then
	if [ ! -f self-signed ]; then
		echo "certificate: fullchain.pem was put here, and stays"
		exit 0
	fi
	if [ "$(cat self-signed)" = "$site" ] && openssl x509 -in fullchain.pem -noout -checkend 1209600 >/dev/null; then
		echo "certificate: the one for $site is still good"
		exit 0
	fi
elif [ -f fullchain.pem ] || [ -f key.pem ]; then
	echo "certificate: fullchain.pem and key.pem belong together, and one of them is missing" >&2
	exit 1
fi
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 -days 397 \
	-subj "/CN=$site" -addext "subjectAltName=DNS:$site" -addext "basicConstraints=critical,CA:FALSE" \
	-addext "keyUsage=critical,digitalSignature" -addext "extendedKeyUsage=serverAuth" \
	-keyout key.new -out fullchain.new 2>/dev/null
printf '%s\n' "$site" >self-signed
mv key.new key.pem
mv fullchain.new fullchain.pem
chmod 644 fullchain.pem
echo "certificate: made one for $site; browsers will warn, since nobody vouches for it"
openssl x509 -in fullchain.pem -noout -fingerprint -sha256
