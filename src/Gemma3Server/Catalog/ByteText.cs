using System.Globalization;

namespace Gemma3Server.Catalog;

/// <summary>Numbers of bytes for people, in decimal units as the hub shows them.</summary>
internal static class ByteText
{
    public static string Of(double bytes)
    {
        string[] units = ["B", "kB", "MB", "GB", "TB"];
        var unit = 0;
        for (; bytes >= 999.5 && unit < units.Length - 1; unit++) bytes /= 1000;
        return string.Create(CultureInfo.InvariantCulture, $"{bytes.ToString(unit == 0 || bytes >= 99.95 ? "0" : "0.0", CultureInfo.InvariantCulture)} {units[unit]}");
    }
}
