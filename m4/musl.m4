dnl CTR_HEADER_DIRECTORY(VARIABLE, HEADER)
dnl Set VARIABLE to the directory of the compiler's include path in which HEADER is.
AC_DEFUN([CTR_HEADER_DIRECTORY], [
  AS_ECHO(["@%:@include <$2>"]) >conftest.c
  $1=`$CC $CPPFLAGS $YAJL_CFLAGS $SECCOMP_CFLAGS -E conftest.c 2>/dev/null |
    $SED -n "s|^# [[0-9]]* \"\(/.*\)/$2\".*|\1|p" | $SED -n 1p`
  rm -f conftest.c
])

dnl CTR_MUSL(ACTION-IF-FOUND, ACTION-IF-NOT)
dnl Look for musl beside the compiler's own C library, laid out as Debian's musl-dev does, and
dnl find out whether a program with ctr's libraries can be made with it. Set MUSL_CPPFLAGS,
dnl MUSL_START and MUSL_LIBS, and $ctr_musl_why where it cannot.
dnl
dnl The kernel's headers, libseccomp's and yajl's lie between those of glibc, which must not be
dnl seen: a directory of links shows these alone.
AC_DEFUN([CTR_MUSL], [
  AC_ARG_VAR([MUSL_INCLUDEDIR], [the directory of musl's headers])
  AC_ARG_VAR([MUSL_LIBDIR], [the directory of musl's crt1.o and libc.a])
  : "${MUSL_INCLUDEDIR=/usr/include/$host_cpu-linux-musl}"
  : "${MUSL_LIBDIR=/usr/lib/$host_cpu-linux-musl}"
  ctr_musl_why=
  AC_MSG_CHECKING([for musl])
  AS_IF([test ! -e "$MUSL_INCLUDEDIR/stdio.h" || test ! -e "$MUSL_LIBDIR/libc.a"],
    [ctr_musl_why="musl-dev is missing"], [
    rm -rf musl-headers
    AS_MKDIR_P([musl-headers])
    for ctr_header in linux/version.h asm/unistd.h asm-generic/unistd.h seccomp.h \
      seccomp-syscalls.h yajl/yajl_parse.h
    do
      CTR_HEADER_DIRECTORY([ctr_dir], [$ctr_header])
      ctr_header=${ctr_header%%/*}
      AS_IF([test -e "$ctr_dir/$ctr_header"], [$LN_S "$ctr_dir/$ctr_header" "musl-headers/$ctr_header"])
    done
    MUSL_CPPFLAGS="-nostdinc -isystem $MUSL_INCLUDEDIR -isystem `$CC -print-file-name=include` -isystem `pwd`/musl-headers"
    MUSL_START="$MUSL_LIBDIR/crt1.o $MUSL_LIBDIR/crti.o"
    MUSL_LIBS="$MUSL_LIBDIR/libc.a `$CC $CFLAGS -print-libgcc-file-name` $MUSL_LIBDIR/crtn.o"
    ctr_save_CPPFLAGS=$CPPFLAGS ctr_save_LDFLAGS=$LDFLAGS ctr_save_LIBS=$LIBS
    CPPFLAGS="$MUSL_CPPFLAGS $CPPFLAGS"
    LDFLAGS="$LDFLAGS $LINK_LDFLAGS -static -nostdlib $MUSL_START"
    LIBS="$ctr_seccomp $ctr_yajl $MUSL_LIBS"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[
#include <linux/sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <yajl/yajl_parse.h>
#ifdef __GLIBC__
#error "these are the headers of glibc"
#endif
/* as in src/sec/musl.c */
int gen_pfc_generate(const void *filter, int fd) { return filter ? fd : -1; }
]], [[printf("%d %p\n", seccomp_syscall_resolve_name_arch(SCMP_ARCH_NATIVE, "read"),
       (void *)yajl_alloc);]])],
      [], [ctr_musl_why="$MUSL_LIBDIR does not link with the libraries"])
    CPPFLAGS=$ctr_save_CPPFLAGS LDFLAGS=$ctr_save_LDFLAGS LIBS=$ctr_save_LIBS
  ])
  AS_IF([test -z "$ctr_musl_why"], [AC_MSG_RESULT([$MUSL_LIBDIR]); $1],
    [AC_MSG_RESULT([no: $ctr_musl_why]); $2])
  AC_SUBST([MUSL_CPPFLAGS])
  AC_SUBST([MUSL_START])
  AC_SUBST([MUSL_LIBS])
])
