namespace Gemma3Server.Hub.Download;

/// <summary>The ranges that have come may be of two contents.</summary>
internal sealed class RangesChangedException : Exception;
