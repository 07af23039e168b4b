package io.spdkio.core;

import io.spdkio.Errno;
import io.spdkio.SpdkException;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.util.concurrent.Executor;

/**
 * Virtual threads that run on a thread of ours. The JDK can do that but does not offer it as API yet: {@code
 * Thread.Builder.OfVirtual} has a constructor that takes a scheduler, which the flag {@code --add-opens
 * java.base/java.lang} makes reachable. Only this class knows.
 */
public final class DirectStyle {
    private static final MethodHandle NEW_BUILDER;
    private static final MethodHandle CARRIER;
    private static final boolean AVAILABLE;

    static {
        MethodHandle builder = null;
        MethodHandle carrier = null;
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            Constructor<?> constructor =
                    Class.forName("java.lang.ThreadBuilders$VirtualThreadBuilder")
                            .getDeclaredConstructor(Executor.class);
            constructor.setAccessible(true);
            builder =
                    lookup.unreflectConstructor(constructor)
                            .asType(MethodType.methodType(Thread.Builder.OfVirtual.class, Executor.class));
            Method current = Thread.class.getDeclaredMethod("currentCarrierThread");
            current.setAccessible(true);
            carrier = lookup.unreflect(current);
        } catch (ReflectiveOperationException | RuntimeException e) {
            builder = null;
        }
        NEW_BUILDER = builder;
        CARRIER = carrier;
        AVAILABLE = builder != null;
    }

    private DirectStyle() {}

    /**
     * Whether the JVM was started with the flag.
     *
     * @return true if {@code fork} works
     */
    public static boolean isAvailable() {
        return AVAILABLE;
    }

    /**
     * The flag to add when it was not.
     *
     * @return a JVM option
     */
    public static String neededFlag() {
        Module module = DirectStyle.class.getModule();
        return "--add-opens java.base/java.lang=" + (module.isNamed() ? module.getName() : "ALL-UNNAMED");
    }

    /**
     * Whether the caller runs on an OS thread, by itself or as a virtual thread that the OS thread carries.
     *
     * @param osThread a platform thread
     * @return true if it does
     */
    public static boolean isOn(Thread osThread) {
        Thread current = Thread.currentThread();
        return current == osThread || (AVAILABLE && current.isVirtual() && carrier() == osThread);
    }

    /** The OS thread under the caller, as far as it can be told. */
    static Thread osThread() {
        Thread current = Thread.currentThread();
        return AVAILABLE && current.isVirtual() ? carrier() : current;
    }

    private static Thread carrier() {
        try {
            return (Thread) CARRIER.invokeExact();
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    /** Makes a virtual thread that the scheduler runs. */
    static Thread unstarted(String name, Executor scheduler, Runnable task) {
        if (!AVAILABLE) {
            throw new SpdkException.Unsupported(
                    "fork needs the JVM option " + neededFlag() + "; add it to the java command", -Errno.EOPNOTSUPP);
        }
        try {
            return ((Thread.Builder.OfVirtual) NEW_BUILDER.invokeExact(scheduler)).name(name).unstarted(task);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
