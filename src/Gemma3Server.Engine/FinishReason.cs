namespace Gemma3Server.Engine;

/// <summary>Why a generation ended.</summary>
public enum FinishReason
{
    /// <summary>The model ended its turn, or a stop string was met.</summary>
    Stop,

    /// <summary>The token limit or the context length was reached.</summary>
    Length,

    /// <summary>The request's time was up; the text up to then stands.</summary>
    Deadline,
}
