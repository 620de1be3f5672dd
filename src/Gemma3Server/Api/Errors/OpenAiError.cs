namespace Gemma3Server.Api.Errors;

/// <summary>An expected failure, as the client sees it: the one mapping from failures to HTTP. Serialized by <see cref="ErrorResponse"/>.</summary>
internal sealed record OpenAiError
{
    private const string InvalidRequest = "invalid_request_error";

    /// <summary>HTTP status, when the response has not started.</summary>
    public required int Status { get; init; }

    /// <summary>One sentence that names the field, the bound and the given value.</summary>
    public required string Message { get; init; }

    /// <summary>OpenAI's coarse class, such as <c>invalid_request_error</c>.</summary>
    public string Type { get; init; } = InvalidRequest;

    /// <summary>The field at fault, such as <c>messages[0].content</c>.</summary>
    public string? Param { get; init; }

    /// <summary>A stable word that programs can test, such as <c>context_length_exceeded</c>.</summary>
    public required string Code { get; init; }

    /// <summary>When to try again; sent as <c>Retry-After</c>.</summary>
    public TimeSpan? RetryAfter { get; init; }

    public static OpenAiError Invalid(string? param, string message, string code) =>
        new() { Status = StatusCodes.Status400BadRequest, Message = message, Param = param, Code = code };

    public static OpenAiError OutOfRange(string param, string message) => Invalid(param, message, "invalid_value");

    public static OpenAiError WrongType(string param, string expected, string given) =>
        Invalid(param, $"Invalid type for '{param}': expected {expected}, but got {given}.", "invalid_type");

    public static OpenAiError Missing(string param) => Invalid(param, $"Missing required parameter: '{param}'.", "missing_required_parameter");

    public static OpenAiError UnsupportedParameter(string param, string message) => Invalid(param, message, "unsupported_parameter");

    public static OpenAiError UnsupportedValue(string param, string message) => Invalid(param, message, "unsupported_value");

    public static OpenAiError ModelNotFound(string message) => new()
    {
        Status = StatusCodes.Status404NotFound,
        Param = "model",
        Code = "model_not_found",
        Message = message,
    };

    public static OpenAiError InvalidApiKey(string message) =>
        new() { Status = StatusCodes.Status401Unauthorized, Code = "invalid_api_key", Message = message };

    public static OpenAiError NoAdminKeys { get; } = new()
    {
        Status = StatusCodes.Status403Forbidden,
        Code = "admin_key_required",
        Message = "This server has no admin keys (Gemma3:Http:AdminKeys), so nobody may load, unload or pin models.",
    };

    public static OpenAiError QueueFull(string message, TimeSpan retryAfter) => new()
    {
        Status = StatusCodes.Status429TooManyRequests,
        Type = "rate_limit_error",
        Code = "rate_limit_exceeded",
        Message = message,
        RetryAfter = retryAfter,
    };

    public static OpenAiError Unavailable(string code, string message, TimeSpan retryAfter) => new()
    {
        Status = StatusCodes.Status503ServiceUnavailable,
        Type = "server_error",
        Code = code,
        Message = message,
        RetryAfter = retryAfter,
    };

    public static OpenAiError Overdue(string message) => new()
    {
        // Not 408, which blames the client for sending slowly.
        Status = StatusCodes.Status504GatewayTimeout,
        Type = "server_error",
        Code = "request_timeout",
        Message = message,
    };

    public static OpenAiError ServerError(string message) =>
        new() { Status = StatusCodes.Status500InternalServerError, Type = "server_error", Code = "internal_error", Message = message };

    /// <summary>The error of a bare HTTP status that no endpoint explained.</summary>
    public static OpenAiError OfStatus(int status, string method, string path) => status switch
    {
        StatusCodes.Status404NotFound => new()
        {
            Status = status,
            Code = "unknown_url",
            Message = $"Unknown request URL: {method} {Excerpt.Of(path)}. See /swagger for what is here.",
        },
        StatusCodes.Status405MethodNotAllowed => new()
        {
            Status = status,
            Code = "method_not_allowed",
            Message = $"{Excerpt.Of(path)} does not answer {method}; see the Allow header.",
        },
        StatusCodes.Status413PayloadTooLarge => new()
        {
            Status = status,
            Code = "request_too_large",
            Message = "The request body is larger than this server accepts.",
        },
        StatusCodes.Status415UnsupportedMediaType => new()
        {
            Status = status,
            Code = "unsupported_media_type",
            Message = "The request body must have the content type application/json.",
        },
        >= 500 => ServerError("The server failed while answering.") with { Status = status },
        _ => new() { Status = status, Code = "bad_request", Message = $"The request was refused with status {status}." },
    };
}
