/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/diag.h"
#include "zones/registry/object.h"

/*
 * What a source of objects tells its owner. Everything is called on the control thread.
 * A source knows nothing of DNS; whoever owns it hands these calls to the registry.
 */
struct source_sink {
	void *context;
	/* The object is there, new or changed or as before. Borrowed for the call, but
	 * for origin.file, which lasts until the object is removed or delivered again:
	 * the origin counts even where nothing else is new. ERR_NOMEM, as in the next
	 * two: not taken in, the source is to say it again. */
	enum err (*upsert)(void *context, const struct object *object);
	/* It is gone. `ns` is "" for a Namespace. */
	enum err (*remove)(
		void *context, enum object_kind kind, const char *ns, const char *name);
	/* Of this kind only those are there that `has` knows. The names are borrowed for
	 * the call of `has`. */
	enum err (*sweep)(void *context, enum object_kind kind,
		bool (*has)(void *source, const char *ns, const char *name),
		void *source);
	/* The changes up to here belong together: publish them. */
	void (*commit)(void *context);
	/* Whether everything the source has been told to read was read at least once. */
	void (*synced)(void *context, bool is_synced);
	/* Of all that the source is to read these kinds (1 << enum object_kind) are left,
	 * which it may not; called after the commit of the others. */
	void (*denied)(void *context, unsigned kinds);
	/* Problems with the user's files; the list is the caller's. */
	void (*report)(void *context, const struct diag_list *problems);
};
