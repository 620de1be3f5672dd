using System.Diagnostics.CodeAnalysis;
using Gemma3Server.Api.Errors;

namespace Gemma3Server.Responses;

/// <summary>What a request is: a response that can be run, or why not.</summary>
internal sealed record ResponseParseResult(ParsedResponse? Response, OpenAiError? Error)
{
    [MemberNotNullWhen(true, nameof(Response))]
    [MemberNotNullWhen(false, nameof(Error))]
    public bool IsResponse => Response is not null;

    public static implicit operator ResponseParseResult(OpenAiError error) => new(null, error);

    public static implicit operator ResponseParseResult(ParsedResponse response) => new(response, null);
}
