#include "thread_mark.h"

namespace kilowatch {

constinit thread_local ThreadMark thread_mark;

}  // namespace kilowatch
