namespace Gemma3Server.Api.OpenApi;

/// <summary>Metadata of a route: a field of its query string, which its handler reads by itself.</summary>
/// <param name="Name">The field.</param>
/// <param name="Description">What it may be, and what holds where it is absent.</param>
internal sealed record QueryParameter(string Name, string Description);
