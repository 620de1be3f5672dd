namespace Gemma3Server.Api.Responses;

/// <summary>Why a response failed.</summary>
/// <param name="Code">One of OpenAI's words, such as <c>server_error</c>.</param>
/// <param name="Message">For people.</param>
internal sealed record ResponseErrorBody(string Code, string Message)
{
    /// <summary>A failure that is the server's fault.</summary>
    public static ResponseErrorBody Server(string message) => new("server_error", message);
}
