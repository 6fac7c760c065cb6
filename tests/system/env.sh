#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `waymark env`: every format is read back by those that it is for, and what happens to
# files. Where a reader cannot run its rules stand here, as strict as it is.
set -u
. "$srcdir/tests/support/tap.sh"

cases_folder=$srcdir/tests/cases/envvars/readers
sort "$cases_folder/expect" >"$scratch/all"
# Without names that begin with a digit.
grep -v '^[0-9]' "$scratch/all" >"$scratch/posix"

# env_run OPTION...: of the namespace shop in the folder of the case.
env_run() {
	run "$WAYMARK" env --manifests "$cases_folder" -n shop "$@"
}

# written FORMAT: into $scratch/file, without a path that podman would take for a name.
written() {
	rm -f "$scratch/file"
	env_run --format "$1" --output "$scratch/file"
	expect 0 && expect_empty out
}

# reads_back LIST: what a reader printed is the list, but for variables of its own.
reads_back() {
	grep -E "$(sed 's/=.*//; s/^/^/; s/$/=/' "$scratch/all" | paste -s -d '|')" \
		"$scratch/read" | sort >"$scratch/sorted"
	cmp "$scratch/sorted" "$1" || diff "$1" "$scratch/sorted"
}

# --- the real readers ---

# A container needs namespaces and a root; where none can be had there is no test.
root=$scratch/root
podman_run() {
	HOME=$scratch XDG_RUNTIME_DIR=$scratch/run timeout 120 podman --root "$scratch/storage" \
		--runroot "$scratch/run" --cgroup-manager=cgroupfs run --rm --runtime runc \
		--network=host --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 "$@" \
		--rootfs "$root" /bin/busybox env
}

# Sets $why where no container can be run.
podman_works() {
	why='no podman'
	command -v podman >/dev/null && command -v runc >/dev/null || return 1
	why='only root can run a container here'
	[ "$(id -u)" -eq 0 ] || return 1
	why='no busybox'
	mkdir -p "$root/bin" "$scratch/run" &&
		cp "$(command -v busybox)" "$root/bin/busybox" 2>/dev/null || return 1
	podman_run >"$scratch/read" 2>"$scratch/podman"
	why="podman: $(tail -n 1 "$scratch/podman")"
	grep -q '^PATH=' "$scratch/read"
}

podman_reads() {
	written "$1" && podman_run --env-file "$scratch/file" >"$scratch/read" &&
		reads_back "$scratch/all"
}

# docker's rules: UTF-8, at most 65536 octets a line, no blank in a name.
docker_reads() {
	written docker && iconv -f UTF-8 -t UTF-8 "$scratch/file" >/dev/null &&
		awk 'length > 65536 || !/^[^=\t ]+=/ { exit 1 } { print }' \
			"$scratch/file" >"$scratch/read" && reads_back "$scratch/all"
}

# The parser of EnvironmentFile= with what goes on above it, the expansion of $, which no
# value has.
generator=/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator
systemd_reads() {
	written systemd && mkdir -p "$scratch/xdg/environment.d" &&
		cp "$scratch/file" "$scratch/xdg/environment.d/10-services.conf" || return 1
	XDG_CONFIG_HOME=$scratch/xdg "$generator" >"$scratch/read" 2>"$scratch/complaints" &&
		expect_nothing "$scratch/complaints" || return 1
	# It writes quotes where a shell would need them.
	sed -i 's/^\([A-Z0-9_]*\)="\(.*\)"$/\1=\2/' "$scratch/read"
	reads_back "$scratch/posix"
}

expect_nothing() {
	[ ! -s "$1" ] || ! cat "$1"
}

# systemd's own rules: a name, no quote and no backslash, no blank at either end.
systemd_rules_read() {
	written systemd &&
		awk '!/^[A-Za-z_][A-Za-z0-9_]*=[^"'"'"'\\; \t#]*$/ { exit 1 } { print }' \
			"$scratch/file" >"$scratch/read" && reads_back "$scratch/posix"
}

systemd_runs() {
	written systemd && systemd-run --quiet --wait --pipe \
		-p EnvironmentFile="$scratch/file" env >"$scratch/read" && reads_back "$scratch/posix"
}

shell_reads() {
	written sh && env -i "$(command -v "$1")" -c '. "$1" && env' - "$scratch/file" \
		>"$scratch/read" && reads_back "$scratch/posix"
}

# Compose: unquoted values end at " #", "$" would be expanded.
compose_reads() {
	written compose && awk '!/^[A-Za-z_][A-Za-z0-9_]*=[^ \t"'"'"'$\\#]+$/ { exit 1 } { print }' \
		"$scratch/file" >"$scratch/read" && reads_back "$scratch/posix"
}

# The kubelet's EnvFile: single quotes around the value, nothing behind, the first of a
# name counts.
k8s_reads() {
	written k8s && awk -v quote="'" '
	length > 65536 || !index($0, "=") { exit 1 }
	{
		name = substr($0, 1, index($0, "=") - 1)
		value = substr($0, index($0, "=") + 1)
		if (name == "" || name ~ /[^!-~]/ || name in seen || length(value) < 3 ||
			substr(value, 1, 1) != quote || substr(value, length(value)) != quote)
			exit 1
		value = substr(value, 2, length(value) - 2)
		if (index(value, quote))
			exit 1
		seen[name] = 1
		print name "=" value
	}' "$scratch/file" >"$scratch/read" && reads_back "$scratch/all"
}

json_reads() {
	written json && node -e '
		const text = require("fs").readFileSync(process.argv[1], "utf8");
		for (const [name, value] of Object.entries(JSON.parse(text)))
			console.log(`${name}=${value}`);' "$scratch/file" >"$scratch/read" &&
		reads_back "$scratch/all"
}

nul_reads() {
	written nul && xargs -0 env -i <"$scratch/file" >"$scratch/read" &&
		reads_back "$scratch/all"
}

# As /proc/PID/environ has it.
nul_is_an_environment() {
	written nul || return 1
	xargs -0 sh -c 'exec env -i "$@" cat /proc/self/environ' - <"$scratch/file" >"$scratch/environ"
	cmp "$scratch/environ" "$scratch/file"
}

# --- what is told ---

order_is_fixed() {
	env_run
	expect 0 && expect_empty err && cmp "$scratch/out" "$cases_folder/expect"
}

digits_are_told() {
	env_run --format "$1"
	expect 0 err 'may begin with a digit: services "1st"$' && ! grep '^1ST' "$scratch/out"
}

links_off() {
	env_run --no-service-links
	expect 0 out '^KUBERNETES_SERVICE_HOST=10.96.0.1$' && ! grep -v '^KUBERNETES' "$scratch/out"
}

services_are_chosen() {
	env_run --service 'redis-*' --service kubernetes
	expect 0 out '^REDIS_MASTER_SERVICE_HOST=' && grep -q '^KUBERNETES' "$scratch/out" &&
		[ "$(wc -l <"$scratch/out")" -eq 15 ] || show
}

both_services_are_told() {
	mkdir -p "$scratch/both"
	cat >"$scratch/both/s.yaml" <<'END'
{apiVersion: v1, kind: Service, metadata: {name: foo}, spec: {clusterIP: 10.0.0.1, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: foo-service}, spec: {clusterIP: 10.0.0.2, ports: [{port: 81}]}}
END
	run "$WAYMARK" env --manifests "$scratch/both"
	expect 0 out '^FOO_SERVICE_PORT=80$' && expect 0 err '"foo" and "foo-service".*FOO_SERVICE_PORT'
}

unknown_namespace() {
	run "$WAYMARK" env --manifests "$cases_folder" -n nowhere
	expect 1 err 'no namespace "nowhere"' && expect_empty out
}

# A Corefile says more of its services than its folder: addresses that are given out.
corefile_is_read() {
	run "$WAYMARK" env -c "$srcdir/conf/example/Corefile" -n shop
	expect 0 out '^CATALOG_SERVICE_HOST=10.96.'
}

unreadable_manifest() {
	mkdir -p "$scratch/bad"
	cp "$cases_folder/services.yaml" "$scratch/bad/"
	echo '{' >"$scratch/bad/broken.json"
	printf 'keep' >"$scratch/kept"
	run "$WAYMARK" env --manifests "$scratch/bad" --output "$scratch/kept"
	expect 1 err 'not all services are known' && [ "$(cat "$scratch/kept")" = keep ]
}

mistake() {
	run "$WAYMARK" env "$@"
	expect 2 err '^usage: waymark env' && expect_empty out
}

# --- the limit ---

too_large() {
	printf 'keep' >"$scratch/kept"
	env_run --max-bytes 1000 --output "$scratch/kept"
	expect 3 err 'takes [0-9]* bytes, 1000 are allowed; its 5 services.*"super-ipv6" (' &&
		expect 3 err '--service.*--no-service-links.*--truncate' &&
		[ "$(cat "$scratch/kept")" = keep ]
}

truncated() {
	env_run --max-bytes 1000 --truncate
	expect 0 err 'left out for want of room: services "signalling", "super-ipv6"$' &&
		grep -q '^REDIS_MASTER_PORT_6379_TCP_ADDR=' "$scratch/out" && ! grep '^SIGNALLING' "$scratch/out"
}

# What Linux starts a process with depends on the limit of its stack; the kernel judges.
limit_is_the_kernels() {
	mkdir -p "$scratch/many"
	awk 'BEGIN { for (i = 0; i < 1000; i++) printf "{\"apiVersion\":\"v1\",\"kind\":\"Service\"," \
		"\"metadata\":{\"name\":\"service-%d\"},\"spec\":{\"clusterIP\":\"10.1.%d.%d\",\"ports\":" \
		"[{\"port\":80}]}}\n", i, i / 250, i % 250 + 1 }' >"$scratch/many/s.json"
	(
		ulimit -s 1024 && run "$WAYMARK" env --manifests "$scratch/many"
		expect 3 err 'are allowed; its 1000 services' || return 1
		run "$WAYMARK" env --manifests "$scratch/many" --format nul --truncate
		[ "$code" -eq 0 ] && grep -q 'left out for want of room' "$scratch/err" || return 1
		perl -e 'local $/ = "\0"; %ENV = map { chomp; split /=/, $_, 2 } <STDIN>;
			exec "/bin/true" or die $!' <"$scratch/out"
	)
}

# --- files ---

untouched_when_equal() {
	written docker && before=$(stat -c '%i %y' "$scratch/file") || return 1
	env_run --output "$scratch/file"
	[ "$(stat -c '%i %y' "$scratch/file")" = "$before" ]
}

mode_is_given() {
	written docker && [ "$(stat -c %a "$scratch/file")" = 644 ] || return 1
	env_run --output "$scratch/file" --mode 600
	[ "$(stat -c %a "$scratch/file")" = 600 ]
}

no_device_is_replaced() {
	env_run --output /dev/null
	expect 1 err 'cannot write "/dev/null"' && [ -c /dev/null ]
}

all_namespaces() {
	mkdir -p "$scratch/folder"
	echo X=y >"$scratch/folder/mine.env"
	run "$WAYMARK" env --manifests "$cases_folder" --all "$scratch/folder"
	expect 0 && cmp "$scratch/folder/shop.env" "$cases_folder/expect" &&
		[ -e "$scratch/folder/default.env" ] && [ -e "$scratch/folder/kube-system.env" ] ||
		! ls -a "$scratch/folder"
}

vanished_namespace() {
	mkdir -p "$scratch/none"
	run "$WAYMARK" env --manifests "$scratch/none" --all "$scratch/folder"
	expect 0 && [ ! -e "$scratch/folder/shop.env" ] && [ -e "$scratch/folder/mine.env" ] &&
		[ -e "$scratch/folder/default.env" ] || ! ls -a "$scratch/folder"
}

missing_folder() {
	run "$WAYMARK" env --manifests "$cases_folder" --all "$scratch/nowhere"
	expect 1 err 'nowhere.*No such file'
}

# Two contents in turn, ended in between at any time: the file is one of them.
killed_writers() {
	mkdir -p "$scratch/killed"
	env_run --output "$scratch/one"
	env_run --no-service-links --output "$scratch/two"
	perl -e '
		my ($folder, @command) = @ARGV;
		sub content { local (@ARGV, $/) = $_[0]; <> }
		my %good = map { content("$folder/$_") => 1 } "one", "two";
		my $killed = 0;
		for my $round (1 .. 150) {
			my $child = fork // die $!;
			exec @command, $round % 2 ? () : "--no-service-links" unless $child;
			select undef, undef, undef, rand 0.02 if $round > 2;
			waitpid $child, 0 if $round <= 2;
			kill "KILL", $child;
			waitpid $child, 0;
			$killed++ if $? == 9;
			$good{content("$folder/killed/shop.env")} or die "torn in round $round\n";
		}
		my @files = grep { !/\.tmp$/ } map { s|.*/||r } glob "$folder/killed/*.env $folder/killed/.*env*";
		"@files" eq "shop.env" or die "files: @files\n";
		print "$killed were killed\n";
		exit($killed < 10);' "$scratch" "$WAYMARK" env --manifests "$cases_folder" -n shop \
		--output "$scratch/killed/shop.env"
}

if podman_works; then
	case_run 'podman gets back what was written for it' podman_reads podman
	case_run 'podman gets back what was written for docker' podman_reads docker
else
	case_skip 'podman gets back what was written for it' "$why"
fi
case_run "docker's rules give back what was written" docker_reads
if [ -x "$generator" ]; then
	case_run "systemd's parser gets back what was written for it" systemd_reads
else
	case_skip "systemd's parser gets back what was written for it" 'no systemd'
fi
if [ -d /run/systemd/system ] && [ "$(id -u)" -eq 0 ]; then
	case_run 'a unit of systemd gets what was written' systemd_runs
else
	case_skip 'a unit of systemd gets what was written' 'systemd does not run here'
fi
case_run "systemd's rules give back what was written" systemd_rules_read
for shell in dash bash; do
	case_run "$shell gets back what was written for it" shell_reads "$shell"
done
case_run "Compose's rules give back what was written" compose_reads
case_run "the kubelet's rules for an EnvFile give back what was written" k8s_reads
case_run 'JSON is read back' json_reads
case_run 'xargs -0 reads what was written for it' nul_reads
case_run 'NUL ends variables as in /proc/PID/environ' nul_is_an_environment

case_run 'the order is fixed' order_is_fixed
for format in sh systemd compose; do
	case_run "$format: names that begin with a digit are left out and told" digits_are_told "$format"
done
case_run 'without service links there is kubernetes alone' links_off
case_run 'services are chosen by pattern' services_are_chosen
case_run 'two services that make one variable are told' both_services_are_told
case_run 'an unknown namespace is an error' unknown_namespace
case_run 'the services may be those of a Corefile' corefile_is_read
case_run 'nothing is written when a manifest cannot be read' unreadable_manifest
case_run 'an unknown format is a mistake' mistake --format dotenv
case_run 'a mode is octal' mistake --mode 888
case_run 'a limit is a number' mistake --max-bytes some
case_run 'a file and a folder are two' mistake --output a --all b
case_run 'two sources are a mistake' mistake -c a --manifests b
case_run 'over the limit nothing is written' too_large
case_run 'what does not fit is left out on demand' truncated
case_run 'the limit is what the kernel accepts' limit_is_the_kernels
case_run 'the same content leaves the file untouched' untouched_when_equal
case_run 'the mode is 644 or the one given' mode_is_given
case_run 'a device is not replaced' no_device_is_replaced
case_run 'a folder gets a file for each namespace' all_namespaces
case_run 'the file of a namespace that is gone goes, others stay' vanished_namespace
case_run 'a folder that is missing is an error' missing_folder
case_run 'killed writers leave no torn file' killed_writers
cases_end
