using System.Diagnostics.CodeAnalysis;
using Gemma3Server.Api.Errors;

namespace Gemma3Server.Chat;

/// <summary>
/// A conversation that has taken place: turns as in <see cref="Conversation"/>, but whoever has the last word; nothing is generated after it.
/// </summary>
internal sealed class Transcript
{
    private Transcript(IReadOnlyList<ChatTurn> turns) => Turns = turns;

    /// <summary>User, model, user, ...</summary>
    public IReadOnlyList<ChatTurn> Turns { get; }

    public static bool TryCreate(
        IReadOnlyList<ChatEntry> messages, [NotNullWhen(true)] out Transcript? transcript, [NotNullWhen(false)] out OpenAiError? error)
    {
        error = Conversation.FindFaultAtStart(messages);
        transcript = error is null ? new(Conversation.ToTurns(messages)) : null;
        return transcript is not null;
    }
}
