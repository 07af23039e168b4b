package io.spdkio.embedded.tck.broken;

import io.spdkio.Errno;
import io.spdkio.IoFuture;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkException;
import io.spdkio.dma.DmaBuf;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * Breaks what the core checks, which no engine can: decorates an environment and every handle that comes out of it, and
 * takes the decoration off what goes in again.
 */
final class BrokenApi {
    private final Defect defect;
    private final Map<Object, Object> decorated = Collections.synchronizedMap(new IdentityHashMap<>());
    private final Set<Object> leaked = Collections.synchronizedSet(Collections.newSetFromMap(new IdentityHashMap<>()));
    private final Map<Object, List<IoFuture<?>>> users = Collections.synchronizedMap(new IdentityHashMap<>());

    private BrokenApi(Defect defect) {
        this.defect = defect;
    }

    static SpdkEnv decorate(SpdkEnv env, Defect defect) {
        return (SpdkEnv) new BrokenApi(defect).wrap(env);
    }

    private static boolean isHandle(Object object) {
        if (object == null || Proxy.isProxyClass(object.getClass())) {
            return false;
        }
        for (Class<?> face : object.getClass().getInterfaces()) {
            if (face.getName().startsWith("io.spdkio.") && object.getClass().getName().startsWith("io.spdkio.core.")) {
                return true;
            }
        }
        return false;
    }

    private Object wrap(Object result) {
        return switch (result) {
            case null -> null;
            case Optional<?> optional -> optional.map(this::wrap);
            case IoFuture<?> future -> {
                // Plain I/O keeps its own future, which abort and cancel need; others may bring a handle.
                yield future;
            }
            case List<?> list -> list.stream().map(this::wrap).toList();
            default -> isHandle(result) ? decorated.computeIfAbsent(result, this::proxyOf) : result;
        };
    }

    private Object proxyOf(Object handle) {
        return Proxy.newProxyInstance(
                handle.getClass().getClassLoader(), handle.getClass().getInterfaces(), new Handler(handle));
    }

    private static Object unwrap(Object argument) {
        if (argument instanceof List<?> list) {
            return list.stream().map(BrokenApi::unwrap).toList();
        }
        if (argument instanceof DmaBuf[] buffers) {
            DmaBuf[] copy = new DmaBuf[buffers.length];
            for (int i = 0; i < copy.length; i++) {
                copy[i] = (DmaBuf) unwrap(buffers[i]);
            }
            return copy;
        }
        return argument != null
                        && Proxy.isProxyClass(argument.getClass())
                        && Proxy.getInvocationHandler(argument) instanceof Handler handler
                ? handler.handle
                : argument;
    }

    private final class Handler implements InvocationHandler {
        private final Object handle;

        Handler(Object handle) {
            this.handle = handle;
        }

        @Override
        public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
            Object[] plain = arguments == null ? new Object[0] : arguments.clone();
            for (int i = 0; i < plain.length; i++) {
                plain[i] = unwrap(plain[i]);
                if (plain[i] instanceof Function<?, ?> function && method.getName().equals("spawnThread")) {
                    plain[i] = bodyOnWrapped(function);
                }
            }
            if (handle instanceof DmaBuf buffer && defect != Defect.WRONG_THREAD_ACCEPTED) {
                if (leaked.contains(handle)) {
                    if (method.getName().equals("isLeased")) {
                        return true;
                    }
                    if (method.getName().equals("close")) {
                        throw new SpdkException.Busy("leaked", -Errno.EBUSY);
                    }
                }
                if (defect == Defect.LEASE_ENDS_WITH_THE_FUTURE
                        && users.getOrDefault(handle, List.of()).stream().allMatch(IoFuture::isDone)) {
                    if (method.getName().equals("isLeased")) {
                        return false;
                    }
                    if (method.getName().equals("close") && buffer.isLeased()) {
                        return null;
                    }
                }
            }
            Object result;
            try {
                result = method.invoke(handle, plain);
            } catch (InvocationTargetException e) {
                if (e.getCause() instanceof SpdkException.WrongThread && defect == Defect.WRONG_THREAD_ACCEPTED) {
                    return nothingOf(method.getReturnType());
                }
                throw e.getCause();
            }
            if (result instanceof IoFuture<?> future) {
                if (method.getName().equals("create")) {
                    return future.thenApply(BrokenApi.this::wrap);
                }
                noteUsers(plain, future);
            }
            return wrap(result);
        }

        private static Object nothingOf(Class<?> type) {
            if (type == boolean.class) {
                return false;
            }
            return type == int.class ? 0 : null;
        }

        private Function<Object, Object> bodyOnWrapped(Function<?, ?> body) {
            @SuppressWarnings("unchecked")
            Function<Object, Object> function = (Function<Object, Object>) body;
            return thread -> function.apply(wrap(thread));
        }

        @SuppressWarnings("FutureReturnValueIgnored") // looked at through the caller's future
        private void noteUsers(Object[] arguments, IoFuture<?> future) {
            List<Object> buffers = new ArrayList<>();
            for (Object argument : arguments) {
                if (argument instanceof DmaBuf) {
                    buffers.add(argument);
                } else if (argument instanceof List<?> list) {
                    buffers.addAll(list);
                }
            }
            buffers.forEach(buffer ->
                    users.computeIfAbsent(buffer, _ -> Collections.synchronizedList(new ArrayList<>())).add(future));
            if (defect == Defect.LEAKED_LEASE) {
                future.exceptionally(_ -> {
                    leaked.addAll(buffers);
                    return null;
                });
            }
        }
    }
}
