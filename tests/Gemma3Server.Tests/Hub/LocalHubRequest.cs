namespace Gemma3Server.Tests.Hub;

/// <summary>A request that <see cref="LocalHub"/> has had.</summary>
/// <param name="IsHub">Whether it went to the hub, not to where the hub keeps files.</param>
/// <param name="Method">The method.</param>
/// <param name="Path">The path.</param>
/// <param name="Authorization">The header, empty where there was none.</param>
/// <param name="Range">The first byte that was asked for, if a range was.</param>
internal sealed record LocalHubRequest(bool IsHub, string Method, string Path, string Authorization, long? Range);
