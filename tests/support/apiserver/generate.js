// SPDX-License-Identifier: Apache-2.0
// A cluster of any size, as tests/bench/cluster makes it in manifests, with what a real
// server's objects have besides (managedFields and the like), and pods.
'use strict';

const { Entry } = require('./store.js');

const PER_NAMESPACE = 100;
const HEADLESS_EACH = 10;
const SLICE_MAX = 100; // endpoints of a slice, as the controller of slices fills them
const TIME = '2026-11-23T17:44:21Z';

const isHeadless = (service) => service % HEADLESS_EACH === HEADLESS_EACH - 1;

const address = (number, base) =>
	`10.${base + (number >> 16)}.${number >> 8 & 255}.${number & 255}`;

const uid = (kind, number) => `${String(kind).padStart(8, '0')}-0000-4000-8000-${String(number).padStart(12, '0')}`;

const managed = '"managedFields":[{"manager":"kube-controller-manager","operation":"Update",' +
	'"apiVersion":"v1","time":"2026-11-23T17:44:23Z","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":' +
	'{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:ports":{}},"f:status":{}}}]';

class Generator {
	constructor(store) {
		this.store = store;
		this.nextEndpoint = 0;
	}

	add(plural, ns, name, labels, rest, number) {
		const version = ++this.store.version;
		const space = ns ? `"namespace":"${ns}",` : '';
		const text = `{"metadata":{"name":"${name}",${space}"uid":"${uid(plural.length, number)}",` +
			`"resourceVersion":"${version}","creationTimestamp":"${TIME}",` +
			`"labels":${JSON.stringify(labels)},${managed}},${rest}}`;
		const collection = this.store.collection(plural);
		const entry = new Entry(ns, name, version, labels, text);
		collection.entries.set(entry.key, entry);
		collection.sorted = null;
		return entry;
	}

	namespace(name, number) {
		this.add('namespaces', '', name, { 'kubernetes.io/metadata.name': name },
			'"spec":{"finalizers":["kubernetes"]},"status":{"phase":"Active"}', number);
	}

	service(number, ns) {
		const ip = isHeadless(number) ? 'None' : address(number, 96);
		this.add('services', ns, `svc-${number}`, { app: `svc-${number}` },
			`"spec":{"ports":[{"name":"http","protocol":"TCP","port":80,"targetPort":8080},{"name":` +
			`"metrics","protocol":"TCP","port":9090,"targetPort":9090}],"selector":{"app":"svc-${number}"},` +
			`"clusterIP":"${ip}","clusterIPs":["${ip}"],"type":"ClusterIP","sessionAffinity":"None",` +
			'"ipFamilies":["IPv4"],"ipFamilyPolicy":"SingleStack","internalTrafficPolicy":"Cluster"},' +
			'"status":{"loadBalancer":{}}', number);
	}

	endpoint(service, index, ns) {
		const number = this.nextEndpoint++;
		const host = isHeadless(service) ? `,"hostname":"pod-${index}"` : '';
		return `{"addresses":["${address(number, 128)}"],"conditions":{"ready":true,"serving":true,` +
			`"terminating":false}${host},"targetRef":{"kind":"Pod","namespace":"${ns}","name":` +
			`"svc-${service}-${index}","uid":"${uid(4, number)}"},"nodeName":"node-${number % 50}",` +
			`"zone":"${'abc'[number % 3]}"}`;
	}

	slices(service, ns, count) {
		for (let from = 0; from < count; from += SLICE_MAX) {
			const endpoints = [];
			for (let i = from; i < Math.min(count, from + SLICE_MAX); i++)
				endpoints.push(this.endpoint(service, i, ns));
			this.slice(service, ns, from, endpoints.join(','));
		}
	}

	slice(service, ns, from, endpoints) {
		const suffix = from ? `x${from / SLICE_MAX}` : 'x';
		const labels = { 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
			'kubernetes.io/service-name': `svc-${service}` };
		if (isHeadless(service))
			labels['service.kubernetes.io/headless'] = '';
		return this.add('endpointslices', ns, `svc-${service}-${suffix}`, labels,
			`"addressType":"IPv4","endpoints":[${endpoints}],"ports":[{"name":"http","protocol":"TCP",` +
			'"port":8080},{"name":"metrics","protocol":"TCP","port":9090}]', service);
	}

	pod(number, ns) {
		const ip = `10.${192 + (number >> 16)}.${number >> 8 & 255}.${number & 255}`;
		this.add('pods', ns, `pod-${number}`, { app: `app-${number % 500}`, 'pod-template-hash': '6d4cf56db6' },
			`"spec":{"containers":[{"name":"c","image":"registry.invalid/app:1","ports":[{"containerPort":` +
			'8080,"protocol":"TCP"}],"resources":{},"imagePullPolicy":"IfNotPresent"}],"restartPolicy":' +
			`"Always","dnsPolicy":"ClusterFirst","nodeName":"node-${number % 50}","schedulerName":` +
			'"default-scheduler"},"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True",' +
			`"lastProbeTime":null,"lastTransitionTime":"${TIME}"}],"hostIP":"192.0.2.${number % 50}",` +
			`"podIP":"${ip}","podIPs":[{"ip":"${ip}"}],"qosClass":"BestEffort"}`, number);
	}
}

// endpoints: of each headless service, one in ten; each: of the others.
function generate(store, { services = 0, endpoints = 10, each = 2, pods = 0 }) {
	const generator = new Generator(store);
	const namespaces = Math.max(1, Math.floor(services / PER_NAMESPACE));
	for (let i = 0; i < namespaces; i++)
		generator.namespace(`ns-${i}`, i);
	for (let i = 0; i < services; i++) {
		const ns = `ns-${i % namespaces}`;
		generator.service(i, ns);
		generator.slices(i, ns, isHeadless(i) ? endpoints : each);
	}
	for (let i = 0; i < pods; i++)
		generator.pod(i, `ns-${i % namespaces}`);
	// Nobody has seen these come.
	store.forget();
	return { services, namespaces, endpoints: generator.nextEndpoint, pods };
}

module.exports = { generate };
