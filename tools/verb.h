// SPDX-License-Identifier: MIT
/* verb: what `kedge VERB ...` may be. A row in verb.def declares int verb_NAME(int argc, char **argv), argv[0] being the
 * verb itself; the file of its family defines it. Each returns the process's exit code:
 *   0 done   1 refused or invalid   2 usage   3 daemon not reachable */
#ifndef KEDGE_TOOLS_VERB_H
#define KEDGE_TOOLS_VERB_H

enum { VERB_DONE = 0, VERB_REFUSED = 1, VERB_USAGE = 2, VERB_UNREACHABLE = 3 };

#define VERB(name, arguments, meaning, more) int verb_##name(int argc, char **argv);
#include "tools/verb.def"
#undef VERB

/* Prints "usage: kedge VERB ARGUMENTS" of that row to stderr. Returns VERB_USAGE. */
int verb_usage(const char *name);

/* The configuration of a verb without -f: $KEDGE_CONFIG, else /etc/kedge/kedge.cfg. */
const char *verb_config_file(void);

#endif
