// SPDX-License-Identifier: MIT
#include "media/settle.h"

#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* A segment that cannot be let go (the kernel's own page of code) stays as it is: nothing is lost by that. */
static void let_go(uintptr_t start, size_t length)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), first = start & ~(page - 1);
	uintptr_t end = (start + length + page - 1) & ~(page - 1);

	madvise((void *)first, end - first, MADV_DONTNEED);
}

static int each_file(struct dl_phdr_info *file, size_t size, void *ctx)
{
	for (unsigned i = 0; i < file->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &file->dlpi_phdr[i];

		if (p->p_type == PT_LOAD && !(p->p_flags & PF_W))
			let_go(file->dlpi_addr + p->p_vaddr, p->p_memsz);
	}
	return 0;
}

void settle(void)
{
	dl_iterate_phdr(each_file, NULL);
}
