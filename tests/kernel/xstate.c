/* Preloaded into linux.uml. Debian's User Mode Linux (up to 6.12) hands ptrace a fixed NT_X86_XSTATE register set of
 * 2696 bytes; the host takes only its own XSAVE size, which is 11008 bytes where the processor has AMX, and the guest
 * panics in put_fp_registers. Here the whole set is read, the guest's part laid over it, and the whole written back.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif

static char whole[65536];

static long xstate(long request, int pid, struct iovec *part)
{
	struct iovec all = { whole, sizeof whole };

	if (syscall(SYS_ptrace, (long)PTRACE_GETREGSET, pid, (void *)NT_X86_XSTATE, &all) < 0)
		return -1;
	size_t size = part->iov_len < all.iov_len ? part->iov_len : all.iov_len;
	if (request == PTRACE_GETREGSET) {
		memcpy(part->iov_base, whole, size);
		part->iov_len = size;
		return 0;
	}
	memcpy(whole, part->iov_base, size);
	return syscall(SYS_ptrace, (long)PTRACE_SETREGSET, pid, (void *)NT_X86_XSTATE, &all);
}

long ptrace(enum __ptrace_request request, ...)
{
	va_list arguments;
	va_start(arguments, request);
	int pid = va_arg(arguments, int);
	void *address = va_arg(arguments, void *);
	void *data = va_arg(arguments, void *);
	va_end(arguments);

	if ((request == PTRACE_GETREGSET || request == PTRACE_SETREGSET) && (long)address == NT_X86_XSTATE)
		return xstate(request, pid, data);
	if (request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA || request == PTRACE_PEEKUSER) {
		long word; /* the C library hands it back as the result */

		if (syscall(SYS_ptrace, (long)request, pid, address, &word) < 0)
			return -1;
		errno = 0;
		return word;
	}
	return syscall(SYS_ptrace, (long)request, pid, address, data);
}
