// SPDX-License-Identifier: MIT
/* replay: runs a fuzz target over every file of the directories named, where libFuzzer is not at hand. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int one(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(1 << 20), *exact;
	size_t n;

	if (!f || !data)
		return -1;
	n = fread(data, 1, 1 << 20, f);
	fclose(f);
	exact = malloc(n ? n : 1); /* a sanitizer sees one byte too far */
	if (!exact)
		return -1;
	for (size_t i = 0; i < n; i++)
		exact[i] = data[i];
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	int ran = 0;

	for (int i = 1; i < argc; i++) {
		DIR *d = argv[i][0] == '-' ? NULL : opendir(argv[i]);
		char path[4096];

		for (struct dirent *e; d && (e = readdir(d));) {
			if (e->d_type == DT_DIR)
				continue;
			snprintf(path, sizeof path, "%s/%s", argv[i], e->d_name);
			if (one(path) < 0) {
				perror(path);
				return 1;
			}
			ran++;
		}
		if (d)
			closedir(d);
	}
	printf("%d inputs\n", ran);
	return ran ? 0 : 1; /* no corpus is no test */
}
