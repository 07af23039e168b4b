package io.spdkio.embedded.file;

import io.spdkio.embedded.file.FileEngine.Method;

class WorkerFileRingTest extends AbstractFileRingTest {

    @Override
    Method method() {
        return Method.THREADS;
    }
}
