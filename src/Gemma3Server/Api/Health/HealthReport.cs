using Gemma3Server.Api.Errors;

namespace Gemma3Server.Api.Health;

/// <summary>The body of the health endpoints.</summary>
/// <param name="Status"><c>ok</c> or <c>ready</c>; while not ready <c>loading</c>, <c>draining</c> or <c>failed</c>.</param>
/// <param name="Error">Why it is not ready, in the shape of every error.</param>
/// <param name="Running">Requests of all models that hold a sequence, where the engines are asked.</param>
/// <param name="Waiting">Requests that wait for a sequence.</param>
internal sealed record HealthReport(string Status, ErrorBody? Error = null, int? Running = null, int? Waiting = null);
