namespace Gemma3Server.Hub;

/// <summary>An expected failure; the message is one line for the user and holds neither a token nor a signed address.</summary>
internal sealed class HubException(HubFault fault, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>What kind of failure.</summary>
    public HubFault Fault { get; } = fault;
}
