package buildpacks

import "strings"

// phpSlim takes the compiler out of an official PHP image, and what else of it only makes extensions: the packages of
// its PHPIZE_DEPS with what came along with them, PHP's source, headers and scripts. A stand-in has none of them.
const phpSlim = `dev=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' autoconf dpkg-dev file g++ gcc libc6-dev make pkg-config re2c 2>/dev/null | sed -n 's/^ii *//p')
test -z "$dev" || DEBIAN_FRONTEND=noninteractive apt-get purge -y -qq --auto-remove $dev
rm -rf /usr/src/php* /usr/local/include/php /usr/local/lib/php/build /usr/local/php/man
cd /usr/local/bin
rm -f docker-php-ext-* docker-php-source phpize php-config phpdbg pear peardev pecl
rm -rf /var/log/apt /var/log/dpkg.log /var/cache/debconf/*-old /var/lib/dpkg/*-old /var/cache/ldconfig/aux-cache`

// slimmed takes the compiler out of the run image where it is an official one of PHP that has one: Debian's.
func (p *Plan) slimmed() {
	if !strings.HasPrefix(p.RunImage, phpImages) || strings.HasSuffix(p.RunImage, "-alpine") {
		return
	}
	p.RunSlim = phpSlim
	p.decide("the run image has no compiler", "the official image brings one, for extensions, which are made before", "")
}
