/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/message.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const char *const message_all_types[] = {
	"web.example. 300 IN CNAME b.web.example.",
	"b.web.example. 60 IN A 192.0.2.1",
	"b.web.example. 60 IN AAAA 2001:db8::1",
	"example. 5 IN MX 10 mail.example.",
	"example. 5 IN SRV 1 2 53 dns.example.",
	"example. 5 IN NAPTR 100 50 \"s\" \"SIP+D2U\" \"\" _sip._udp.example.",
	"example. 5 IN TXT \"some\" \"text\"",
	"example. 5 IN RP mail.example. text.example.",
	"sub.example. 5 IN DNAME other.test.",
	"1.2.0.192.in-addr.arpa. 7 IN PTR web.example.",
	NULL,
};

static void push(ldns_pkt *pkt, ldns_pkt_section section, const char *text)
{
	ldns_rr *rr = NULL;
	ldns_status status = ldns_rr_new_frm_str(&rr, text, 0, NULL, NULL);
	assert(status == LDNS_STATUS_OK);
	bool is_pushed = ldns_pkt_push_rr(pkt, section, rr);
	assert(is_pushed);
}

void message_make(struct message *message, const char *question,
	const char *const *answer, const char *const *authority)
{
	ldns_pkt *pkt = ldns_pkt_query_new(ldns_dname_new_frm_str(question),
		LDNS_RR_TYPE_A, LDNS_RR_CLASS_IN, LDNS_RD | LDNS_QR);
	assert(pkt);
	for (; answer && *answer; answer++)
		push(pkt, LDNS_SECTION_ANSWER, *answer);
	for (; authority && *authority; authority++)
		push(pkt, LDNS_SECTION_AUTHORITY, *authority);
	uint8_t *wire = NULL;
	ldns_status status = ldns_pkt2wire(&wire, pkt, &message->length);
	assert(status == LDNS_STATUS_OK && message->length <= sizeof(message->bytes));
	memcpy(message->bytes, wire, message->length);
	free(wire);
	ldns_pkt_free(pkt);
}

ldns_pkt *message_parse(const uint8_t *bytes, size_t length)
{
	ldns_pkt *pkt = NULL;
	return ldns_wire2pkt(&pkt, bytes, length) == LDNS_STATUS_OK ? pkt : NULL;
}

char *message_section_text(const ldns_pkt *pkt, ldns_pkt_section section)
{
	ldns_rr_list *list = ldns_pkt_get_section_clone(pkt, section);
	char *text = ldns_rr_list2str(list);
	ldns_rr_list_deep_free(list);
	assert(text);
	return text;
}
