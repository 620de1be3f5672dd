namespace Gemma3Server.Hosting;

/// <summary>A settings file cannot be read; the message is one line that names it.</summary>
internal sealed class SettingsFileException(string message) : Exception(message);
