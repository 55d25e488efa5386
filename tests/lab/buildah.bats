#!/usr/bin/env bats
# buildah: create, start, and state every 100 ms until the end.

load engines

engine_setup() { buildah rm --all >/dev/null 2>&1 || true; }

@test "run in a working container, and its exit status" {
  box=$(buildah from scratch)
  buildah add "$box" "$BATS_FILE_TMPDIR/rootfs" / >/dev/null
  run -0 buildah run --runtime "$CTR" --isolation oci --network none "$box" -- echo hello
  expect_output hello
  run buildah run --runtime "$CTR" --isolation oci --network none "$box" -- sh -c 'exit 5'
  expect_match 'exit status 5'
  buildah rm "$box"
}

@test "a build with a RUN step" {
  cp -r "$BATS_FILE_TMPDIR/rootfs" "$BATS_TEST_TMPDIR/rootfs"
  printf '%s\n' 'FROM scratch' 'COPY rootfs /' 'RUN echo built > /result' \
    >"$BATS_TEST_TMPDIR/Containerfile"
  buildah build --runtime "$CTR" --isolation oci --network none -t built "$BATS_TEST_TMPDIR"
  box=$(buildah from built)
  run -0 buildah run --runtime "$CTR" --isolation oci --network none "$box" -- cat /result
  expect_output built
  buildah rm "$box"
}
