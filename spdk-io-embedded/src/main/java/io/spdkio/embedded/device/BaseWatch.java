package io.spdkio.embedded.device;

import io.spdkio.bdev.BdevBackend.Registration;
import io.spdkio.bdev.BdevEvent;
import io.spdkio.spi.SpinLock;

import java.util.function.BiConsumer;

/**
 * Brings what happens to the devices below one to its registration, in whatever order they come: a base may be removed
 * before the device on it is registered.
 */
final class BaseWatch {
    private final SpinLock guard = new SpinLock();
    private final BiConsumer<Registration, BdevEvent> told;
    private Registration registration;
    private boolean removed;

    /**
     * Watches.
     *
     * @param told does what an event means, any thread
     */
    BaseWatch(BiConsumer<Registration, BdevEvent> told) {
        this.told = told;
    }

    /** Something has happened to a base. Any thread. */
    void baseChanged(BdevEvent event) {
        Registration target;
        try (SpinLock _ = guard.acquire()) {
            removed |= event == BdevEvent.REMOVED;
            target = registration;
        }
        if (target != null) {
            told.accept(target, event);
        }
    }

    /** The device has been registered; tells what had happened before, which may be no more than another size. */
    void registered(Registration target) {
        boolean late;
        try (SpinLock _ = guard.acquire()) {
            registration = target;
            late = removed;
        }
        told.accept(target, late ? BdevEvent.REMOVED : BdevEvent.RESIZED);
    }
}
