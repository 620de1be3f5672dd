using System.Diagnostics.CodeAnalysis;
using Gemma3Server.Api.Errors;

namespace Gemma3Server.Prompts;

/// <summary>What a request body is: a completion that can be run, or why not.</summary>
internal sealed class CompletionParseResult
{
    private CompletionParseResult(ParsedCompletion? completion, OpenAiError? error) => (Completion, Error) = (completion, error);

    public ParsedCompletion? Completion { get; }

    public OpenAiError? Error { get; }

    [MemberNotNullWhen(true, nameof(Completion))]
    [MemberNotNullWhen(false, nameof(Error))]
    public bool IsCompletion => Completion is not null;

    public static CompletionParseResult Of(ParsedCompletion completion) => new(completion, null);

    public static CompletionParseResult Of(OpenAiError error) => new(null, error);
}
