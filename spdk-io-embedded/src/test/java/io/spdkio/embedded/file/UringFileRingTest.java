package io.spdkio.embedded.file;

import io.spdkio.embedded.file.FileEngine.Method;

class UringFileRingTest extends AbstractFileRingTest {

    @Override
    Method method() {
        return Method.IO_URING;
    }
}
