/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A key for tests only, made by: openssl genrsa -3 -traditional 2048 */
static const char rsa_exponent_3[] =
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "MIIEowIBAAKCAQEA860j7tUBbdxoCv4EdXs8XHHCUGB/enK1zXb4yIenr4TkUEce\n"
    "TBQBfZJFU+c3dP3vwh6hL8NkFQW2zYp0oadSdW4AdKUfJ8+Oj6qCayUwSnFeRry9\n"
    "1uSmUxgi/gTXH2gU4PjCmSTiV+O3zpkaISoy7mgs7ZXYabBIIoryddOsLTnrm1kR\n"
    "rXmcL2JRSlJ4IbJB/1S/oPFR+nzvEP/3otx/Vife2nQbNjwbWYhXJZgY7r0HZ5mu\n"
    "uM1MY9N6ZJTuzzZdX7Hwzawv/9CXE1BgzFdByVmzAZ0iE73GV/FmhdAiWcYRl3xN\n"
    "7W1ICIZPANeyTxpNnBmiBSTMvElBhDZsXr9VDQIBAwKCAQEAonNtSeNWST2asf6t\n"
    "o6d9kvaBiur/pvcj3k9Qha/FH63titoUMrgA/mGDjUTPo1P1LBRrdSztY1kkiQb4\n"
    "a8Tho56q+G4UxTUJtRxW8hjK3EuULyh+j0MZjLrB/q3kv5q4lfssZhiW5UJ6ibtm\n"
    "wMbMnvAd87k68SAwFwdMTo0dc3qlXffGyL9/U7pnMHw9p5h5YdWNRJOFaVzqNDd0\n"
    "K1bO1RXESdn1JmpPPbBEbHLLMeq3KbxMNEHEEWePFYwXJ5ePHK0pwc10yYReGpv5\n"
    "i7ORONlNtaG33z0HhStENHNgEy3gqqedQ6UNRHbihpr/2Ba3Ukbrutaq33iVMOaL\n"
    "ctrkkwKBgQD8mc5q/wfHvF4jeVSr7MzKX9OS+7TQG592ikggigMja4PUQu4gssX5\n"
    "VXMr2BbBW+tQNCI+xmOQMAyYY2I7HI8prdH3RI0AGl6E1pj+ZpgXXwMBFFhNo0l4\n"
    "4pC/WQY/CkOqEMfJ3Qn1W8z4B5fh0UY3dnZSRFwmeOLCyqYtv2Vq4wKBgQD29Jb8\n"
    "gVKVdWyTCENvuYDBjMDYvl85wNIZOGSo19clqwNkKL8KydarJ4zEqtUmx/GkdNz9\n"
    "pAcWGauLYOCQ90PdBtw65msAtyuFFM1sFDHQlRC9XNJAoZjCLZ/A3hzTMr2WhrkY\n"
    "Kuu+xgcDL1dQubIDKjjuKIal9DGe8DZtcxGTTwKBgQCoZomcqgUv0uls+43H8zMx\n"
    "lTe3UniKvRT5sYVrBqzCR604LJ7Ady6mOPdykA8rkpzgIsF/Lu0KyrMQQkF8vbTG\n"
    "c+FPgwiqvD8DObtURGVk6gIAuDrebNul7GB/kK7UsYJxYIUxPgajkoilWmVBNi7P\n"
    "pE7hgugZpeyB3G7JKkOclwKBgQCkow9TAOG4+PMMsCz1JlXWXdXl1D971eFmJZhw\n"
    "j+TDx1eYGyoHMTnHb7MtxzjEhUvC+JNTwq9kER0HlesLT4KTWegnREdVz3JYuIjy\n"
    "uCE1uLXTkzbVwRCBc7/V6WiMzH5kWdC6x0fUhASsyjo10SFXcXtJcFnD+CEUoCRI\n"
    "92EM3wKBgHrortn5M0Yq6LT2V13MnmMVPOevdt7P3j0FKmPBhbzQHuef+hz8kX3D\n"
    "lBW+rpw9JD2xfnLlQZy7Gu5nUG0TDCp0mbltcto3j/++foJwTcmE/xUcsT8cAb8F\n"
    "1nQocSyAaP2ibRQAip6V0UzuB8u29c1l6nJtQQK0vnEslDBcsyc/\n"
    "-----END RSA PRIVATE KEY-----\n";
