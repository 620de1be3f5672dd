namespace Gemma3Server.Api.Errors;

/// <summary>The body of every error: <c>{"error":{"message","type","param","code"}}</c>.</summary>
internal sealed record ErrorResponse(ErrorBody Error)
{
    public static ErrorResponse Of(OpenAiError error) => new(new ErrorBody(error.Message, error.Type, error.Param, error.Code));
}
