using System.Diagnostics.CodeAnalysis;
using Gemma3Server.Api.Errors;

namespace Gemma3Server.Chat;

/// <summary>What a request body is: a chat that can be run, or why not.</summary>
internal sealed class ChatParseResult
{
    private ChatParseResult(ParsedChat? chat, OpenAiError? error) => (Chat, Error) = (chat, error);

    public ParsedChat? Chat { get; }

    public OpenAiError? Error { get; }

    [MemberNotNullWhen(true, nameof(Chat))]
    [MemberNotNullWhen(false, nameof(Error))]
    public bool IsChat => Chat is not null;

    public static ChatParseResult Of(ParsedChat chat) => new(chat, null);

    public static ChatParseResult Of(OpenAiError error) => new(null, error);
}
