using System.Text.Json.Serialization;

namespace Gemma3Server.Api.Errors;

/// <summary>What went wrong.</summary>
/// <param name="Message">For people.</param>
/// <param name="Type">Class of error, such as <c>invalid_request_error</c>.</param>
/// <param name="Param">The field at fault, or null.</param>
/// <param name="Code">A stable word for programs.</param>
internal sealed record ErrorBody(
    string Message,
    string Type,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Param,
    string Code);
