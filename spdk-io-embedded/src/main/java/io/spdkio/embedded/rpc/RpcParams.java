package io.spdkio.embedded.rpc;

import io.spdkio.SpdkException.RpcFailed;

import java.math.BigInteger;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/** The parameters of a call, each read once. What is missing, unknown or of another type fails the call. */
final class RpcParams {
    private static final BigInteger MAX_UINT64 = BigInteger.ONE.shiftLeft(64).subtract(BigInteger.ONE);
    private static final UUID NO_UUID = new UUID(0, 0);

    private final String method;
    private final int codeOfBad;
    private final Map<String, ?> values;
    private final Set<String> known = new HashSet<>();

    /** {@code codeOfBad} is what SPDK's method answers when it can't read its parameters. */
    RpcParams(String method, int codeOfBad, Map<String, ?> values) {
        this.method = method;
        this.codeOfBad = codeOfBad;
        this.values = values;
    }

    boolean areMissing() {
        return values.isEmpty();
    }

    RpcFailed bad(String why) {
        return failed(codeOfBad, why);
    }

    RpcFailed failed(int code, String why) {
        return new RpcFailed(method, code, why);
    }

    /** Does something whose failures all have the same code, whatever they are. */
    <T> CompletionStage<T> withCode(int code, Supplier<CompletionStage<T>> action) {
        CompletionStage<T> stage;
        try {
            stage = action.get();
        } catch (RuntimeException e) {
            throw failed(code, RpcMethods.asRpcFailed(method, e).rpcMessage());
        }
        return stage.handle((result, problem) -> {
            if (problem != null) {
                throw failed(code, RpcMethods.asRpcFailed(method, problem).rpcMessage());
            }
            return result;
        });
    }

    boolean has(String name) {
        known.add(name);
        return values.containsKey(name);
    }

    private Object required(String name) {
        if (!has(name)) {
            throw bad("parameter '" + name + "' is missing");
        }
        return values.get(name);
    }

    private RpcFailed wrongType(String name, String type) {
        return bad("parameter '" + name + "' is " + type + ", not " + values.get(name));
    }

    String string(String name) {
        if (required(name) instanceof String s) {
            return s;
        }
        throw wrongType(name, "a string");
    }

    Optional<String> optionalString(String name) {
        return has(name) ? Optional.of(string(name)) : Optional.empty();
    }

    boolean flag(String name, boolean otherwise) {
        if (!has(name)) {
            return otherwise;
        }
        if (values.get(name) instanceof Boolean b) {
            return b;
        }
        throw wrongType(name, "true or false");
    }

    boolean flag(String name) {
        required(name);
        return flag(name, false);
    }

    private BigInteger integer(String name) {
        return switch (required(name)) {
            case Long n -> BigInteger.valueOf(n);
            case BigInteger n -> n;
            case Double d when d == Math.rint(d) && Math.abs(d) < 0x1p53 -> BigInteger.valueOf(d.longValue());
            case null, default -> throw wrongType(name, "an integer");
        };
    }

    private long within(String name, BigInteger most) {
        BigInteger value = integer(name);
        if (value.signum() < 0 || value.compareTo(most) > 0) {
            throw wrongType(name, "0 to " + most);
        }
        return value.min(BigInteger.valueOf(Long.MAX_VALUE)).longValue();
    }

    /** An unsigned number of 64 bits; what a {@code long} does not hold becomes its largest value. */
    long uint64(String name) {
        return within(name, MAX_UINT64);
    }

    long uint64(String name, long otherwise) {
        return has(name) ? uint64(name) : otherwise;
    }

    long uint32(String name) {
        return within(name, BigInteger.valueOf(0xffff_ffffL));
    }

    long uint32(String name, long otherwise) {
        return has(name) ? uint32(name) : otherwise;
    }

    int uint8(String name, int otherwise) {
        return has(name) ? (int) within(name, BigInteger.valueOf(0xff)) : otherwise;
    }

    int int32(String name, int otherwise) {
        if (!has(name)) {
            return otherwise;
        }
        BigInteger value = integer(name);
        if (value.bitLength() >= Integer.SIZE) {
            throw wrongType(name, "a number of 32 bits");
        }
        return value.intValue();
    }

    List<String> strings(String name) {
        if (required(name) instanceof List<?> list && list.stream().allMatch(String.class::isInstance)) {
            return list.stream().map(String.class::cast).toList();
        }
        throw wrongType(name, "a list of strings");
    }

    /** Empty when it is missing, or nothing but zeroes. */
    Optional<UUID> uuid(String name) {
        if (!has(name)) {
            return Optional.empty();
        }
        try {
            return Optional.of(UUID.fromString(string(name))).filter(uuid -> !uuid.equals(NO_UUID));
        } catch (IllegalArgumentException e) {
            throw wrongType(name, "a UUID");
        }
    }

    /** Fails if there are parameters that were not asked for. To be called before anything is done. */
    void end() {
        for (String name : values.keySet()) {
            if (!known.contains(name)) {
                throw bad(
                        "there is no parameter '"
                                + name
                                + "', only "
                                + String.join(", ", known.stream().sorted().toList()));
            }
        }
    }
}
