dnl CTR_FLAGS(VARIABLE, COMPILE-FLAGS, LINK-FLAGS)
dnl Add those flags that the compiler takes without a word, each tried alone and
dnl with what was added before. Compile flags go to VARIABLE_CFLAGS, link flags to
dnl VARIABLE_LDFLAGS, both substituted.
AC_DEFUN([CTR_FLAGS], [
  AC_LANG_PUSH([C])
  ctr_save_CFLAGS=$CFLAGS ctr_save_LDFLAGS=$LDFLAGS
  for ctr_flag in m4_normalize([$2]); do
    AC_MSG_CHECKING([whether $CC takes $ctr_flag])
    CFLAGS="$ctr_save_CFLAGS $$1_CFLAGS $ctr_flag -Werror"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <stdio.h>]], [[return puts("");]])],
      [AC_MSG_RESULT([yes]); AS_VAR_APPEND([$1_CFLAGS], [" $ctr_flag"])],
      [AC_MSG_RESULT([no])])
  done
  for ctr_flag in m4_normalize([$3]); do
    AC_MSG_CHECKING([whether $CC links with $ctr_flag])
    CFLAGS="$ctr_save_CFLAGS $$1_CFLAGS -Werror"
    LDFLAGS="$ctr_save_LDFLAGS $$1_LDFLAGS $ctr_flag"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <stdio.h>]], [[return puts("");]])],
      [AC_MSG_RESULT([yes]); AS_VAR_APPEND([$1_LDFLAGS], [" $ctr_flag"])],
      [AC_MSG_RESULT([no])])
  done
  CFLAGS=$ctr_save_CFLAGS LDFLAGS=$ctr_save_LDFLAGS
  AC_SUBST([$1_CFLAGS])
  AC_SUBST([$1_LDFLAGS])
  AC_LANG_POP([C])
])

dnl CTR_STATIC_LIBS(VARIABLE, LIBS, FUNCTION)
dnl Set VARIABLE to LIBS if FUNCTION links out of their static archives.
AC_DEFUN([CTR_STATIC_LIBS], [
  AC_MSG_CHECKING([for $3 in static $2])
  ctr_save_LDFLAGS=$LDFLAGS ctr_save_LIBS=$LIBS
  LDFLAGS="$LDFLAGS -static" LIBS="$2 $LIBS"
  AC_LINK_IFELSE([AC_LANG_CALL([], [$3])],
    [AC_MSG_RESULT([yes]); $1="$2"],
    [AC_MSG_RESULT([no])
     AC_MSG_ERROR([$2 cannot be linked statically; install it or configure with --disable-static])])
  LDFLAGS=$ctr_save_LDFLAGS LIBS=$ctr_save_LIBS
])

dnl CTR_MUSL
dnl Where musl's libc.a is installed (Debian: musl-dev), link ctr with that: it starts in
dnl a third of the time. src/base/musl.c says how that can be.
AC_DEFUN([CTR_MUSL], [
  AC_MSG_CHECKING([for musl's libc.a])
  ctr_musl=
  AS_IF([test "$with_musl" != no], [
    for ctr_dir in "/usr/lib/$host_cpu-linux-musl" /usr/lib/musl/lib /usr/local/musl/lib; do
      AS_IF([test -f "$ctr_dir/libc.a" && test -f "$ctr_dir/crt1.o"],
        [ctr_musl=$ctr_dir; break])
    done
  ])
  AS_IF([test -n "$ctr_musl"], [
    ctr_save_CPPFLAGS=$CPPFLAGS ctr_save_LDFLAGS=$LDFLAGS ctr_save_LIBS=$LIBS
    ctr_musl_LDFLAGS="-static -nostdlib $ctr_musl/crt1.o $ctr_musl/crti.o"
    ctr_musl_LIBS="$CTR_LIBS $ctr_musl/libc.a -lgcc $ctr_musl/libc.a $ctr_musl/crtn.o"
    ctr_top=`cd "$srcdir" && pwd`
    CPPFLAGS="$CPPFLAGS -D_GNU_SOURCE" LDFLAGS="$LDFLAGS $LINK_LDFLAGS $ctr_musl_LDFLAGS"
    LIBS=$ctr_musl_LIBS
    AC_RUN_IFELSE([AC_LANG_SOURCE([[
#include "$ctr_top/src/base/musl.c"
int yajl_alloc(void), seccomp_init(void), cap_from_name(void);
int main(void)
{
	void *used[] = { (void *)yajl_alloc, (void *)seccomp_init, (void *)cap_from_name };
	char text[64];

	snprintf(text, sizeof(text), "%d %s %p", 7, "seven", used[1]);
	return strncmp(text, "7 seven ", 8) != 0 || open("/", O_RDONLY | O_DIRECTORY) < 0;
}]])],
      [ctr_libc=musl], [ctr_libc=glibc],
      [AC_LINK_IFELSE([], [ctr_libc=musl], [ctr_libc=glibc])])
    CPPFLAGS=$ctr_save_CPPFLAGS LDFLAGS=$ctr_save_LDFLAGS LIBS=$ctr_save_LIBS
  ])
  AS_CASE([$with_musl:$ctr_libc],
    [yes:glibc], [AC_MSG_RESULT([no])
       AC_MSG_ERROR([ctr cannot be linked with musl; install musl-dev or configure --without-musl])],
    [*:musl], [AC_MSG_RESULT([$ctr_musl])
       CTR_LDFLAGS=$ctr_musl_LDFLAGS CTR_LIBS=$ctr_musl_LIBS],
    [AC_MSG_RESULT([no])])
])
