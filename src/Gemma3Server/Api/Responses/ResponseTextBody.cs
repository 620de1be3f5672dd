using System.Text.Json;

namespace Gemma3Server.Api.Responses;

/// <summary>The form of the answer, as a response tells it.</summary>
/// <param name="Format">The format, as it was asked for.</param>
/// <param name="Verbosity">What was asked for; without effect.</param>
internal sealed record ResponseTextBody(JsonElement Format, string Verbosity);
