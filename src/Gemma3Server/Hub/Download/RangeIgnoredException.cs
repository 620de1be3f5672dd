namespace Gemma3Server.Hub.Download;

/// <summary>The server sends whole files only.</summary>
internal sealed class RangeIgnoredException : Exception;
