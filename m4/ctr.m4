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
