/*
 * The entry of ctr-init. It has no plan to execute yet: it ends with 127, the status
 * of a command that cannot be found.
 */

void _start(void);

void _start(void)
{
#if defined(__x86_64__)
	__asm__ volatile("syscall" : : "a"(231L), "D"(127L) : "rcx", "r11", "memory");
#elif defined(__aarch64__)
	register long status __asm__("x0") = 127;
	register long number __asm__("x8") = 94;
	__asm__ volatile("svc #0" : : "r"(number), "r"(status) : "memory");
#endif
	__builtin_unreachable();
}
