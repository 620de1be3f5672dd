namespace Gemma3Server.Engine;

/// <summary>The class in which a request waits, best first.</summary>
public enum RequestPriority
{
    /// <summary>Before all others.</summary>
    Priority,

    /// <summary>Neither hurried nor patient.</summary>
    Default,

    /// <summary>Whenever there is room; it waits longer under load and never for ever.</summary>
    Flex,
}
