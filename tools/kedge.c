// SPDX-License-Identifier: MIT
/* kedge: the command in front of the two planes. */
#include <stdio.h>

int main(void)
{
	fputs("usage: kedge VERB\n", stderr);
	return 2;
}
