/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/source/scalar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_SIZE = 128 };

struct scalar_word {
	const char *text;
	enum node_type type;
	bool boolean;
};

static const struct scalar_word scalar_words[] = {
	{"", NODE_NULL, false},
	{"~", NODE_NULL, false},
	{"null", NODE_NULL, false},
	{"Null", NODE_NULL, false},
	{"NULL", NODE_NULL, false},
	{"true", NODE_BOOL, true},
	{"True", NODE_BOOL, true},
	{"TRUE", NODE_BOOL, true},
	{"y", NODE_BOOL, true},
	{"Y", NODE_BOOL, true},
	{"yes", NODE_BOOL, true},
	{"Yes", NODE_BOOL, true},
	{"YES", NODE_BOOL, true},
	{"on", NODE_BOOL, true},
	{"On", NODE_BOOL, true},
	{"ON", NODE_BOOL, true},
	{"false", NODE_BOOL, false},
	{"False", NODE_BOOL, false},
	{"FALSE", NODE_BOOL, false},
	{"n", NODE_BOOL, false},
	{"N", NODE_BOOL, false},
	{"no", NODE_BOOL, false},
	{"No", NODE_BOOL, false},
	{"NO", NODE_BOOL, false},
	{"off", NODE_BOOL, false},
	{"Off", NODE_BOOL, false},
	{"OFF", NODE_BOOL, false},
};

static bool scalar_is_word(const char *text, size_t length, struct node *node)
{
	if (length > 5)
		return false;
	for (size_t i = 0; i < sizeof(scalar_words) / sizeof(scalar_words[0]); i++) {
		if (strcmp(scalar_words[i].text, text) == 0) {
			node->type = scalar_words[i].type;
			node->boolean = scalar_words[i].boolean;
			return true;
		}
	}
	return false;
}

/* Decimal, 0x, 0o, 0b, and octal after a leading 0. */
static bool scalar_is_integer(const char *text, struct node *node)
{
	const char *digits = text + (*text == '-' || *text == '+');
	int base = 10;
	if (digits[0] == '0' && digits[1]) {
		char letter = (char)(digits[1] | 0x20);
		base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 8;
		digits += letter == 'x' || letter == 'o' || letter == 'b' ? 2 : 1;
	}
	static const char all[] = "0123456789abcdefABCDEF";
	if (!*digits || digits[strspn(digits, all)])
		return false;
	char *end;
	errno = 0;
	unsigned long long value = strtoull(digits, &end, base);
	if (*end || errno || value > INT64_MAX)
		return false;
	node->type = NODE_INT;
	node->integer = *text == '-' ? -(int64_t)value : (int64_t)value;
	return true;
}

static size_t scalar_digits(const char *text)
{
	return strspn(text, "0123456789");
}

/* [-+]? ( .digits | digits [. digits*] ) ( [eE] [-+]? digits )? */
static bool scalar_is_float(const char *text)
{
	const char *at = text + (*text == '-' || *text == '+');
	size_t whole = scalar_digits(at);
	at += whole;
	if (*at == '.') {
		size_t fraction = scalar_digits(++at);
		if (!whole && !fraction)
			return false;
		at += fraction;
	} else if (!whole) {
		return false;
	}
	if ((*at | 0x20) == 'e') {
		at++;
		at += *at == '-' || *at == '+';
		if (!scalar_digits(at))
			return false;
		at += scalar_digits(at);
	}
	return !*at;
}

/* A fraction that is whole counts as an integer: kubectl sends 80.0 as 80. */
static void scalar_set_float(
	const char *plain, const char *text, size_t length, struct node *node)
{
	double value = strtod(plain, NULL);
	const double exact = 9007199254740992.0; /* 2^53 */
	if (value > -exact && value < exact && value == (double)(int64_t)value) {
		node->type = NODE_INT;
		node->integer = (int64_t)value;
		return;
	}
	node->type = NODE_FLOAT;
	node->text = text;
	node->length = (uint32_t)length;
}

void scalar_resolve(const char *text, size_t length, struct node *node)
{
	node->type = NODE_STRING;
	node->text = text;
	node->length = (uint32_t)length;
	if (scalar_is_word(text, length, node))
		return;
	char first = *text;
	bool may_be_number = (first >= '0' && first <= '9') || first == '-' ||
			     first == '+' || first == '.';
	if (!may_be_number || length >= NUMBER_SIZE)
		return;

	char plain[NUMBER_SIZE];
	size_t used = 0;
	for (size_t i = 0; i < length; i++)
		if (text[i] != '_' || first == '.')
			plain[used++] = text[i];
	plain[used] = '\0';
	if (scalar_is_integer(plain, node))
		return;
	if (scalar_is_float(plain))
		scalar_set_float(plain, text, length, node);
}
