/** Request headers that carry secrets, in lower case: they go to the origin they were given for, and no error prints them. */
export const secretHeaders: readonly string[] = ["authorization", "proxy-authorization", "cookie"];
