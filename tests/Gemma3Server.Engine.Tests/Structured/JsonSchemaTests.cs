namespace Gemma3Server.Engine.Tests.Structured;

/// <summary>Which texts a schema allows, keyword by keyword, and which schemas are refused.</summary>
public sealed class JsonSchemaTests
{
    [Theory]
    [InlineData("""{"type":"string"}""", """ "a" |""|"é🎉"|"\"\\\/\b\f\n\r\t"|"\u00e9\ud83c\udf89" """, """ "|a|"\x"|"\ud800"|"\ud83cx"|"a"b|1|"a" x""")]
    [InlineData("""{"type":"string","minLength":2,"maxLength":3}""", """ "ab"|"abc"|"日本"|"\n\u0041" """, """ "a"|"abcd"|"" """)]
    [InlineData("""{"type":"string","pattern":"^[a-c]+$"}""", """ "abc"|"\u0061" """, """ ""|"abd"|"\u0064" """)]
    [InlineData("""{"type":"string","pattern":"b+"}""", """ "abc"|"b"|"xbbx" """, """ ""|"ac" """)]
    [InlineData("""{"type":"string","pattern":"^a|b$"}""", """ "ax"|"xb"|"a"|"b" """, """ "xa"|"bx" """)]
    [InlineData("""{"type":"string","pattern":"^[a-z]*$","minLength":2,"maxLength":4}""", """ "ab"|"abcd" """, """ "a"|"abcde"|"ab1" """)]
    [InlineData("""{"type":"integer"}""", "0|-7|123456789012345678", "01|1.5|+1|1e3||-|1234567890123456789")]
    [InlineData("""{"type":"integer","minimum":-3,"maximum":12}""", "-3|0|-1|9|12", "-4|13|20|-03|100|-0")]
    [InlineData("""{"type":"integer","exclusiveMinimum":9,"exclusiveMaximum":101}""", "10|99|100", "9|101|5|1000")]
    [InlineData("""{"type":"integer","minimum":1.5}""", "2|10|999", "1|0|-2")]
    [InlineData("""{"type":"number"}""", "0|-1.25|3e10|1.5E-3|-0", "1.|.5|00|1e|1e1000|--1")]
    [InlineData("""{"type":"number","minimum":-1.5,"maximum":2.25}""", "-1.5|-1.49|-0.3|0|2.25|2.2|2.250|1.999|2", "-1.51|2.26|2.251|3|-2|10")]
    [InlineData("""{"type":"number","exclusiveMinimum":0,"maximum":0.5}""", "0.5|0.001|0.49", "0|0.0|0.51|-0.1|1")]
    [InlineData("""{"type":"number","minimum":3.25,"exclusiveMaximum":3.75}""", "3.25|3.7|3.3|3.7499", "3|3.2|3.75|3.8|4")]
    [InlineData("""{"type":"number","exclusiveMaximum":-2}""", "-2.1|-3|-2.0001|-100", "-2|-2.0|0|1|-1.9")]
    [InlineData("""{"type":"boolean"}""", "true|false", "1|null|True")]
    [InlineData("""{"type":["null","integer"]}""", "null|5", "true|\"5\"")]
    [InlineData("""{"type":"string","nullable":true}""", "null|\"a\"", "1")]
    [InlineData("""{"enum":["a",1,null,{"k":[1,2]}]}""", "\"a\"|1|null|{\"k\":[1,2]}|{ \"k\": [ 1, 2 ] }", "2|\"b\"|{}")]
    [InlineData("""{"enum":["a",1,"bc"],"type":"string","minLength":2}""", "\"bc\"", "1|\"a\"")]
    [InlineData("""{"const":"x\"y"}""", "\"x\\\"y\"", "\"x\"")]
    [InlineData("""{"type":"array","items":{"type":"integer"}}""", "[]|[1]|[1,2]|[ 1, 2 ]|[\n  1,\n  2\n]", "[1,]|[,1]|[\"a\"]|[1 2]")]
    [InlineData("""{"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":3}""", "[1,2]|[1,2,3]", "[]|[1]|[1,2,3,4]")]
    [InlineData("""{"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"items":false,"minItems":1}""", "[1]|[1,\"a\"]", "[]|[\"a\"]|[1,\"a\",2]")]
    [InlineData("""{"type":"array","prefixItems":[{"type":"integer"}],"items":{"type":"null"},"maxItems":2}""", "[]|[1]|[1,null]", "[null]|[1,null,null]")]
    [InlineData("""{"type":"array","maxItems":0}""", "[]", "[1]")]
    [InlineData("""{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"boolean"}},"required":["b"]}""",
        """{"a":1,"b":true}|{"b":false}|{ "a": 1, "b": true }""", """{}|{"a":1}|{"b":true,"a":1}|{"b":true,"c":1}|{"a":1,"b":true,}|{,"b":true}""")]
    [InlineData("""{"type":"object","properties":{"a":{"type":"integer"}},"additionalProperties":{"type":"null"}}""",
        """{}|{"a":1}|{"a":1,"b":null,"c":null}|{"b":null}""", """{"a":null}|{"b":1}|{"a":1,"a":null}|{"\u0061":null}|{"b":null,"a":1}""")]
    [InlineData("""{"type":"object","additionalProperties":true}""", """{"x":[{}]}|{}""", "[]|{1:2}")]
    [InlineData("""{"type":"object","additionalProperties":false}""", "{}|{ }", """{"a":1}""")]
    [InlineData("""{"type":"object","patternProperties":{"^n_":{"type":"integer"},"_s$":{"type":"string"}},"additionalProperties":false}""",
        """{"n_a":1,"b_s":"x"}|{}""", """{"n_a":"x"}|{"b":1}|{"n_s":1}""")]
    [InlineData("""{"type":"object","properties":{"n_1":{"maximum":5}},"patternProperties":{"^n_":{"type":"integer","minimum":3}}}""",
        """{"n_1":4}|{"n_1":3,"n_2":9}""", """{"n_1":6}|{"n_1":2}""")]
    [InlineData("""{"type":"object","required":["z"],"additionalProperties":{"type":"integer"}}""", """{"z":1}|{"z":1,"y":2}""", """{}|{"z":"a"}|{"y":1}""")]
    [InlineData("""{"anyOf":[{"type":"integer"},{"type":"string","maxLength":1}]}""", "1|\"a\"", "\"ab\"|null")]
    [InlineData("""{"oneOf":[{"const":1},{"const":2}]}""", "1|2", "3")]
    [InlineData("""{"type":"object","properties":{"k":{"type":"string"}},"anyOf":[{"required":["k"]},{"properties":{"n":{"type":"integer"}},"required":["n"]}]}""",
        """{"k":"a"}|{"n":1}|{"k":"a","n":1}""", "{}")]
    [InlineData("""{"allOf":[{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"b":{"type":"integer"},"a":{"minimum":5}},"required":["b"]}]}""",
        """{"a":5,"b":1}""", """{"a":4,"b":1}|{"a":5}|{"b":1}""")]
    [InlineData("""{"$ref":"#/$defs/n","$defs":{"n":{"type":"object","properties":{"v":{"type":"integer"},"next":{"anyOf":[{"$ref":"#/$defs/n"},{"type":"null"}]}},"required":["v","next"],"additionalProperties":false}}}""",
        """{"v":1,"next":null}|{"v":1,"next":{"v":2,"next":{"v":3,"next":null}}}""", """{"v":1}|{"v":1,"next":{"v":2}}""")]
    [InlineData("""{"type":"object","properties":{"c":{"type":"array","items":{"$ref":"#"}}}}""", """{"c":[{"c":[]},{}]}""", """{"c":[1]}""")]
    [InlineData("""{"title":"t","description":"d","type":"integer","default":3,"examples":[4],"$schema":"x","$comment":"c"}""", "1", "\"1\"")]
    [InlineData("true", """1|{"a":[true,null,"x"]}""", "x")]
    [InlineData("""{"type":"string","format":"date"}""", "\"2024-02-29\"|\"1999-12-31\"", "\"2023-02-29\"|\"2024-13-01\"|\"2024-04-31\"|\"0000-01-01\"")]
    [InlineData("""{"type":"string","format":"time"}""", "\"23:59:59Z\"|\"00:00:00.123+01:30\"", "\"24:00:00Z\"|\"10:00\"")]
    [InlineData("""{"type":"string","format":"date-time"}""", "\"2024-02-29T23:59:59Z\"", "\"2024-02-29\"")]
    [InlineData("""{"type":"string","format":"uuid"}""", "\"123e4567-e89b-12d3-a456-426614174000\"", "\"123e4567e89b12d3a456426614174000\"")]
    [InlineData("""{"type":"string","format":"email"}""", "\"a.b+c@example.org\"", "\"a@\"|\"a@b\"|\"@b.c\"")]
    [InlineData("""{"type":"string","format":"ipv4"}""", "\"192.168.0.255\"", "\"256.1.1.1\"|\"1.2.3\"|\"01.2.3.4\"")]
    [InlineData("""{"type":"string","format":"ipv6"}""", "\"::\"|\"::1\"|\"fe80::1:2\"|\"1:2:3:4:5:6:7:8\"|\"1::\"|\"1:2:3:4:5:6:7::\"", "\":::\"|\"1:2\"|\"1:2:3:4:5:6:7:8:9\"|\"1::2::3\"|\"1:2:3:4:5:6:7::8\"")]
    [InlineData("""{"type":"string","format":"uri"}""", "\"https://example.org/a/b?c=d#e\"", "\"example.org\"|\"http:// x\"")]
    public void Build_Schema_AllowsItsValuesOnly(string schema, string valid, string invalid)
    {
        var grammar = Grammars.Schema(schema);
        Assert.All(valid.Split('|'), text => Assert.True(grammar.Takes(text.Trim(' ')), text));
        Assert.All(invalid.Split('|'), text => Assert.False(grammar.Takes(text.Trim(' ')), text));
    }

    [Theory]
    [InlineData("""{"properties":{"x":{"type":"integer","multipleOf":3}}}""", "/properties/x/multipleOf")]
    [InlineData("""{"type":"array","uniqueItems":true}""", "/uniqueItems")]
    [InlineData("""{"properties":{"a/b":{"not":{}}}}""", "/properties/a~1b/not")]
    [InlineData("""{"$ref":"#/$defs/a","$defs":{"a":{"if":{}}}}""", "/$defs/a/if")]
    [InlineData("""{"$ref":"other.json"}""", "/$ref")]
    [InlineData("""{"properties":{"a":{"$ref":"#/$defs/gone"}}}""", "/properties/a/$ref")]
    [InlineData("""{"type":"text"}""", "/type")]
    [InlineData("""{"minLength":-1}""", "/minLength")]
    [InlineData("""{"pattern":"(?=a)"}""", "/pattern")]
    [InlineData("""{"pattern":"(a)\\1"}""", "/pattern")]
    [InlineData("""{"format":"hostname"}""", "/format")]
    [InlineData("""{"items":[{}]}""", "/items")]
    [InlineData("""{"exclusiveMinimum":true}""", "/exclusiveMinimum")]
    [InlineData("""{"anyOf":[]}""", "/anyOf")]
    [InlineData("""{"anyOf":[{"type":"string"},7]}""", "/anyOf/1")]
    [InlineData("""{"$ref":"#"}""", "")]
    [InlineData("""{"allOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"allOf":[{"$ref":"#/$defs/a"}]}}}""", "/$defs/a")]
    [InlineData("""{"type":""", "")]
    public void Build_UnsupportedSchema_NamesThePointer(string schema, string pointer)
    {
        var fault = Grammars.SchemaFault(schema);
        Assert.Equal(pointer, fault.Pointer ?? "");
    }

    [Theory]
    [InlineData("""{"type":"integer","minimum":5,"maximum":4}""")]
    [InlineData("""{"type":"object","properties":{"a":false},"required":["a"]}""")]
    [InlineData("""{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}""")]
    [InlineData("""{"type":"string","minLength":3,"maxLength":2}""")]
    [InlineData("""{"type":"string","pattern":"^a$","minLength":2}""")]
    [InlineData("""{"enum":[1],"type":"string"}""")]
    [InlineData("false")]
    public void Build_SchemaWithoutValues_IsRefused(string schema) => Assert.Contains("no finite text", Grammars.SchemaFault(schema).Message, StringComparison.Ordinal);

    [Fact]
    public void Build_WhiteSpace_IsBounded()
    {
        var grammar = Grammars.Schema("""{"type":"array","items":{"type":"integer"}}""");
        Assert.True(grammar.Begins("[\n" + new string(' ', 40) + "1"));
        Assert.False(grammar.Begins("[\n" + new string(' ', 41)));
        Assert.False(grammar.Begins("[  "));
        Assert.False(grammar.Begins("[\n\n"));
        Assert.False(grammar.Begins(" "));
    }
}
