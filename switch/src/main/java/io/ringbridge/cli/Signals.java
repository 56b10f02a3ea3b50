package io.ringbridge.cli;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.List;

/**
 * Logs the signals that a switch receives: those that end it, and those that administrators send to daemons for other
 * reasons.
 */
final class Signals {
    private static final Logger LOG = LoggerFactory.getLogger(Signals.class);
    private static final List<String> ENDING = List.of("TERM", "INT");
    private static final List<String> IGNORED = List.of("HUP", "USR1");
    /**
     * Shutdown hooks end a running switch in good order, with status 0; this is the status of one that is still
     * starting.
     */
    private static final int SIGNALLED = 143;

    private Signals() {
    }

    /** Handles signals from now on. Those that the process was started to ignore, as by nohup, stay ignored. */
    static void handle() {
        ENDING.forEach(name -> handle(name, () -> {
            LOG.info("ending: received SIG{}", name);
            System.exit(SIGNALLED);
        }));
        IGNORED.forEach(name -> handle(name,
            () -> LOG.info("SIG{} ignored; ringbridge upgrade reads the configuration again", name)));
    }

    /**
     * By reflection, because the compiler warns of {@code sun.misc.Signal}, which has no successor, and warnings are
     * errors here.
     */
    private static void handle(final String name, final Runnable reaction) {
        try {
            final Class<?> signal = Class.forName("sun.misc.Signal");
            final Class<?> handler = Class.forName("sun.misc.SignalHandler");
            final InvocationHandler action = (_, method, args) -> {
                if (!"handle".equals(method.getName())) {
                    return method.invoke(reaction, args); // one of Object's
                }
                reaction.run();
                return null;
            };
            final Object proxy =
                Proxy.newProxyInstance(Signals.class.getClassLoader(), new Class<?>[] {handler}, action);
            signal.getMethod("handle", signal, handler)
                .invoke(null, signal.getConstructor(String.class).newInstance(name), proxy);
        } catch (final ReflectiveOperationException e) {
            LOG.debug("SIG{} is not handled: {}", name, e.toString());
        }
    }
}
