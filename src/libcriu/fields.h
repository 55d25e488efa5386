/* Fields of a message by their names: what CRIU's next release can do needs no change here. */
#pragma once

#include <protobuf-c/protobuf-c.h>

/*
 * Set a field of @message by "NAME=VALUE": numbers, 1 and 0, words of enums, strings; a repeated
 * field gets one more item. The value of a field that is a message itself is "NAME=VALUE" again,
 * one a line. @text is changed, and strings of the message point into it. NULL, or what is wrong
 * with it.
 */
const char *ctr_field_set(ProtobufCMessage *message, char *text);
