package dev.userssync.settings;

import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;

/** A bean that keeps the Camel context in which it works. The Camel CLI may set it twice. */
public abstract class ContextBean implements CamelContextAware {

    protected CamelContext context;

    protected ContextBean() {}

    @Override
    public final CamelContext getCamelContext() {
        return context;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        this.context = context;
    }
}
