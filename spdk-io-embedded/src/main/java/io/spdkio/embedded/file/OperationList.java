package io.spdkio.embedded.file;

/** A first-in, first-out list of operations, linked through themselves. */
final class OperationList<T> {

    private FileOperation<T> first;
    private FileOperation<T> last;
    private int size;

    boolean isEmpty() {
        return size == 0;
    }

    int size() {
        return size;
    }

    void add(FileOperation<T> operation) {
        operation.next = null;
        if (size == 0) {
            first = operation;
        } else {
            last.next = operation;
        }
        last = operation;
        size++;
    }

    FileOperation<T> removeFirst() {
        FileOperation<T> operation = first;
        first = operation.next;
        size--;
        return operation;
    }
}
